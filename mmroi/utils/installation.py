"""Files of this copy of the project: configs, tools, checkpoints and documentation."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# A checkout keeps configs and checkpoints beside the package, an installed package in its folder ``.mim``:
# the files beside it belong to others.
ROOTS = (PACKAGE.parent, PACKAGE / '.mim') if (PACKAGE.parent / 'setup.py').is_file() else (PACKAGE / '.mim',)


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
    raise FileNotFoundError(f'{name} is {not_in_roots()}')


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


def absence_of(path: str | Path) -> str:
    """Say why a path is no file: 'PATH does not exist' or 'PATH is a folder; ...'."""
    if Path(path).expanduser().is_dir():
        return f'{path} is a folder; give a file in it'
    return f'{path} does not exist'


def not_in_roots() -> str:
    """Say where a file was looked for: 'neither in A nor in B'."""
    return f'neither in {" nor in ".join(map(str, ROOTS))}' if len(ROOTS) > 1 else f'not in {ROOTS[0]}'


def find_page(name: str) -> str:
    """Return the path of a page of the documentation, for messages.

    Args:
        name: Path relative to ``docs``, such as ``data.md``.

    Returns:
        The path in this copy of the project, where the page exists.
    """
    return str(next((path for root in ROOTS if (path := root / 'docs' / name).is_file()), Path('docs', name)))
