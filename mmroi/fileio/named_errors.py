"""Errors of damaged files that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REMEDY = 'Correct it, or convert or download it again'


@contextmanager
def name_errors(source: str | Path, what: str = '', remedy: str = _REMEDY) -> Iterator[None]:
    """Turn any error of the block that does not name the file into one that does.

    Wrong content makes NumPy raise almost anything, with a message that fits any file. Errors of the system
    pass: they name the file that they are about.

    Args:
        source: The file.
        what: Key or row within it.
        remedy: What to do.

    Raises:
        ValueError: Names file, key and the original error.
    """
    try:
        yield
    except (OSError, ImportError):
        raise
    except Exception as error:
        if str(source) in str(error):
            raise
        words = error.args[0] if isinstance(error, KeyError) and error.args else error
        reason = ' '.join(str(words).split())
        kind = '' if type(error) is ValueError else f'{type(error).__name__}: '
        place = f'{source}: {what}' if what else f'{source}:'
        raise ValueError(f'{place} cannot be used ({kind}{reason}). {remedy}') from error
