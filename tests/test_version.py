import re
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from mmroi import version


@pytest.fixture
def installed(monkeypatch):
    """Versions that Python finds; the tests change them."""
    found = {'torch': '2.13.0+cpu', 'mmengine': '0.10.7', 'mmcv-lite': '2.1.0'}

    def lookup(name):
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(version.metadata, 'version', lookup)
    monkeypatch.setattr(version, 'find_spec', lambda name: None)
    return found


def test_tested_set_passes(installed):
    version.check_versions()


def test_compiled_mmcv_passes(installed):
    installed['mmcv'] = installed.pop('mmcv-lite')
    version.check_versions()


@pytest.mark.parametrize(
    'name, bad, message',
    [
        (
            'torch',
            '1.13.1',
            r"needs torch>=2\.6,<3, but 1\.13\.1 is installed. Run: pip install 'torch>=2\.6'",
        ),
        ('mmengine', '0.9.1', 'mmengine>=0.10.4,<1, but 0.9.1'),
        (
            'mmcv-lite',
            '2.2.0',
            'mmcv>=2.0.0,<2.2.0, but 2.2.0 is installed. Run: pip install .mmcv-lite==2.1.0',
        ),
    ],
)
def test_wrong_version_says_what_to_install(installed, name, bad, message):
    installed[name] = bad
    with pytest.raises(ImportError, match=message):
        version.check_versions()


def test_missing_library_says_what_to_install(installed):
    del installed['mmcv-lite']
    with pytest.raises(ImportError, match='which is not installed. Run: pip install .mmcv-lite==2.1.0'):
        version.check_versions()


def test_library_without_metadata_is_trusted(installed, monkeypatch):
    del installed['torch']
    monkeypatch.setattr(version, 'find_spec', lambda name: object())
    version.check_versions()


@pytest.mark.parametrize(
    'text, numbers',
    [('2.13.0+cpu', (2, 13, 0)), ('2.0.0rc4', (2, 0, 0)), ('2.1', (2, 1)), ('3.0.dev1', (3, 0))],
)
def test_release_numbers(text, numbers):
    assert version._release(text) == numbers


def test_the_same_version_stands_everywhere():
    root = Path(__file__).parents[1]
    released = re.findall(r'^## (\d\S*) ', (root / 'CHANGELOG.md').read_text(encoding='utf-8'), flags=re.M)
    cited = re.search(r'^version: (\S+)$', (root / 'CITATION.cff').read_text(encoding='utf-8'), flags=re.M)
    assert released[0] == cited[1] == version.__version__
    workflow = yaml.safe_load((root / '.github/workflows/ci.yml').read_text(encoding='utf-8'))
    tested = workflow['jobs']['test']['strategy']['matrix']['python']
    (major, first), (_, last) = version.PYTHON
    assert tested == [f'{major}.{minor}' for minor in range(first, last + 1)]


def test_two_versions_of_mmcv_in_one_folder(installed):
    installed['mmcv'] = '2.0.1'
    with pytest.raises(ImportError, match='mmcv 2.0.1 and mmcv-lite 2.1.0 are both installed'):
        version.check_versions()
    installed['mmcv'] = '2.1.0'  # the same files, and the compiled ops
    version.check_versions()


def test_unsupported_python_is_named(monkeypatch):
    assert version.python_fault() is None
    for found in ((3, 9, 2), (3, 14, 0)):
        monkeypatch.setattr(version.sys, 'version_info', found)
        assert f'is Python {found[0]}.{found[1]}' in version.python_fault()
