"""What docs/method.md names is there."""

import pkgutil
import re
from pathlib import Path

import pytest

import mmroi.datasets
import mmroi.evaluation
import mmroi.models
import mmroi.models.heads
import mmroi.models.pretrained_init

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / 'docs/method.md').read_text()
NAMES = set(re.findall(r'`([^`]+)`', TEXT))


def names(pattern: str) -> list[str]:
    found = sorted(name for name in NAMES if re.fullmatch(pattern, name))
    assert found
    return found


@pytest.mark.parametrize('name', names(r'[\w/-]+\.py::\w+'))
def test_tests(name):
    file, function = name.split('::')
    assert f'\ndef {function}(' in (ROOT / 'tests' / file).read_text()


@pytest.mark.parametrize('name', names(r'(configs|tools)/[\w/.*-]*'))
def test_files(name):
    assert list(ROOT.glob(name))


@pytest.mark.parametrize('name', names(r'mmroi(\.\w+)+'))
def test_functions(name):
    pkgutil.resolve_name(name)


@pytest.mark.parametrize('name', names(r'(?:[A-Z]+[a-z]+\w*)(?:\(.*\))?'))
def test_classes(name):
    packages = (
        mmroi.models,
        mmroi.models.heads,
        mmroi.models.pretrained_init,
        mmroi.datasets,
        mmroi.evaluation,
    )
    assert any(hasattr(package, name.partition('(')[0]) for package in packages)


def test_no_ablation_is_forgotten():
    for path in ROOT.glob('configs/ablation/*.py'):
        assert f'`configs/ablation/{path.name}`' in TEXT or any(
            f'_{kind}_' in f'_{path.stem}' for kind in ('ours', 'losses')
        )
