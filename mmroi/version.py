"""The version of mmroi, and checks of the versions of Python and of its main dependencies.

``python mmroi/version.py`` checks Python alone, before anything is installed.
"""

import sys
from importlib import metadata
from importlib.util import find_spec

__version__ = '0.1.0'

PYTHON = ((3, 10), (3, 13))  # first and last version

# library: (names of its distributions, minimum version, first unsupported version, how to install it)
REQUIRED: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    'torch': (('torch',), '2.6', '3', "pip install 'torch>=2.6'"),
    'mmengine': (('mmengine', 'mmengine-lite'), '0.10.4', '1', "pip install 'mmengine==0.10.7'"),
    'mmcv': (
        ('mmcv', 'mmcv-lite'),
        '2.0.0',
        '2.2.0',
        "pip install 'mmcv-lite==2.1.0' (or compiled mmcv==2.1.0 if you need its ops; never both)",
    ),
}


def _release(version: str) -> tuple[int, ...]:
    """Convert '2.13.0+cpu' or '2.0.0rc4' to a comparable tuple of integers, ignoring suffixes."""
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


def python_fault() -> str | None:
    """Return what is wrong with this version of Python; None if it is supported."""
    first, last = PYTHON
    if first <= sys.version_info[:2] <= last:
        return None
    supported = ' to '.join(f'{major}.{minor}' for major, minor in PYTHON)
    found = '.'.join(map(str, sys.version_info[:2]))
    return f'mmroi needs Python {supported}, and {sys.executable} is Python {found}: install it with another'


def check_versions() -> None:
    """Check the versions of torch, mmengine and mmcv, without importing them.

    Raises:
        ImportError: If one is missing or has an unsupported version, or if parts of two versions of mmcv lie
            in one folder; the message says what to install.
    """
    for library, (distributions, first, last, remedy) in REQUIRED.items():
        version, need = _installed(distributions), f'mmroi needs {library}>={first},<{last}'
        if version is None:
            if find_spec(library) is not None:  # on the path without metadata: there is no version to check
                continue
            raise ImportError(f'{need}, which is not installed. Run: {remedy}')
        if not _release(first) <= _release(version) < _release(last):
            raise ImportError(f'{need}, but {version} is installed. Run: {remedy}')
    lite, full = (_installed((name,)) for name in ('mmcv-lite', 'mmcv'))
    if lite and full and lite != full:
        raise ImportError(
            f'mmcv {full} and mmcv-lite {lite} are both installed, in the same folder. Run: pip uninstall -y '
            'mmcv mmcv-lite, then install one of them'
        )


if __name__ == '__main__':
    sys.exit(python_fault())
