"""Version of mmroi, and the check of the versions of the libraries below it."""

from importlib import metadata
from importlib.util import find_spec

__version__ = '0.1.0'

# library: (names of its distributions, first version that works, first that does not, what to install)
REQUIRED: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    'torch': (('torch',), '2.1', '3', "pip install 'torch>=2.1'"),
    'mmengine': (('mmengine', 'mmengine-lite'), '0.10.4', '1', "pip install 'mmengine==0.10.7'"),
    'mmcv': (
        ('mmcv', 'mmcv-lite'),
        '2.0.0',
        '2.2.0',
        "pip install 'mmcv-lite==2.1.0' (or compiled mmcv==2.1.0 if you need its ops; never both)",
    ),
}


def _release(version: str) -> tuple[int, ...]:
    """Turn '2.13.0+cpu' or '2.0.0rc4' into a tuple of integers that compares; suffixes do not count."""
    numbers = []
    for part in version.split('+')[0].split('.'):
        digits = part[: len(part) - len(part.lstrip('0123456789'))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def _installed(distributions: tuple[str, ...]) -> str | None:
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def check_versions() -> None:
    """Check the libraries that mmroi stands on, without importing them.

    Raises:
        ImportError: If torch, mmengine or mmcv is missing or has a version that does not work. The message
            says what
            to install.
    """
    for library, (distributions, first, last, remedy) in REQUIRED.items():
        version, need = _installed(distributions), f'mmroi needs {library}>={first},<{last}'
        if version is None:
            if find_spec(library) is not None:  # put on the path by hand: there is no version to check
                continue
            raise ImportError(f'{need}, which is not installed. Run: {remedy}')
        if not _release(first) <= _release(version) < _release(last):
            raise ImportError(f'{need}, but {version} is installed. Run: {remedy}')
