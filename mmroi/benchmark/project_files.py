"""Suites and profiles by name."""

from collections.abc import Collection, Iterable
from pathlib import Path

SUITES = Path(__file__).parent / 'suites'
PROFILES = Path(__file__).parent / 'profiles'


def find_data(folder: Path, name: str) -> Path:
    """Find a suite or a profile.

    Args:
        folder: Folder of the package with the built-in ones.
        name: Name of a built-in one, or the path of a user's file.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If it is neither; lists the built-in ones.
    """
    for path in (folder / f'{name}.yml', Path(name)):
        if path.is_file():
            return path
    raise FileNotFoundError(f'{name} is neither a file nor one of {", ".join(names_in(folder))} in {folder}')


def check_keys(path: Path, keys: Iterable[str], known: Collection[str]) -> None:
    """Refuse unknown keys of a YAML file; a Python file may have variables of its own.

    Args:
        path: The file.
        keys: Its keys.
        known: Those that are read.

    Raises:
        ValueError: A key is not read.
    """
    if path.suffix != '.py' and (unknown := sorted(set(keys) - set(known))):
        raise ValueError(f'{path}: unknown {", ".join(unknown)}; there are {", ".join(sorted(known))}')


def names_in(folder: Path) -> list[str]:
    """Return the names of the built-in suites or profiles."""
    return sorted(path.stem for path in folder.glob('[!_]*.yml'))
