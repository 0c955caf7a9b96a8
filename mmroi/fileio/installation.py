"""Files of this copy of the project: configs, tools and checkpoints."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# A checkout keeps configs and checkpoints beside the package, an installed package in its folder ``.mim``.
ROOTS = (PACKAGE.parent, PACKAGE / '.mim')


def find_file(name: str) -> Path:
    """Find a file of this project, such as a config, in the checkout or the installed package.

    Args:
        name: Path relative to the checkout, or absolute.

    Returns:
        The absolute path of a file that exists.

    Raises:
        FileNotFoundError: If this copy of the project lacks it.
    """
    for root in ROOTS:
        if (root / name).is_file():
            return root / name
    raise FileNotFoundError(f'{name} is neither in {ROOTS[0]} nor in {ROOTS[1]}')


def resolve_file(name: str | Path) -> Path:
    """Find a file from the working directory, else one of this project, such as a checkpoint.

    Args:
        name: Path, in which ``~`` is the home folder; relative to the working directory or the checkout.

    Returns:
        The path of a file that exists, as it was given if it is not this project's.

    Raises:
        FileNotFoundError: There is none.
    """
    path = Path(name).expanduser()
    return path if path.is_file() else find_file(str(path))
