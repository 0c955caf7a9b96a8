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
