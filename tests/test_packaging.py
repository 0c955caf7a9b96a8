"""The wheel holds what the checkout holds now, and the archive of the sources suffices to build it."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APART = ('.*', 'data', 'work_dirs', 'build', 'dist', '*.egg-info', '__pycache__', 'node_modules', 'images')


def build(folder, kind):
    """Build a ``wheel`` or an ``sdist``, as pip does."""
    program = f'from setuptools import build_meta; print(build_meta.build_{kind}({str(folder.parent)!r}))'
    done = subprocess.run([sys.executable, '-c', program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder.parent / done.stdout.split()[-1]


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """A copy of this checkout, whose checkpoints are empty files, as their content does not matter here."""
    folder = tmp_path_factory.mktemp('packaging') / 'checkout'

    def copy(source, target):
        if Path(source).parent.name == 'checkpoints':
            Path(target).touch()
        else:
            shutil.copyfile(source, target)

    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*APART), copy_function=copy)
    return folder


@pytest.fixture(scope='module')
def wheel(checkout):
    build(checkout, 'wheel')
    renamed = checkout / 'configs' / 'multi_roi' / 'multi-roi_movenet_1xb64-30e_synthetic-256x192.py'
    shutil.copyfile(renamed, checkout / 'configs' / 'multi_roi' / 'new_name.py')
    (checkout / 'configs' / 'multi_roi' / 'multi-roi_r50_1xb48-25e_synthetic-256x192.py').unlink()
    return build(checkout, 'wheel')


def test_the_wheel_holds_no_file_of_an_earlier_build(checkout, wheel):
    names = names_in(wheel)
    for folder in ('configs', 'tools', 'checkpoints'):
        files = {
            f'mmroi/.mim/{p.relative_to(checkout)}' for p in (checkout / folder).rglob('*') if p.is_file()
        }
        assert files == {name for name in names if name.startswith(f'mmroi/.mim/{folder}/')}
    modules = {str(p.relative_to(checkout)) for p in (checkout / 'mmroi').rglob('*') if p.is_file()}
    assert modules <= names


def test_the_sources_build_the_same_wheel(checkout, wheel, tmp_path):
    with tarfile.open(build(checkout, 'sdist')) as archive:
        archive.extractall(tmp_path, filter='data')
    (sources,) = tmp_path.iterdir()
    assert names_in(build(sources, 'wheel')) == names_in(wheel)


def test_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        found = message_from_bytes(archive.read(name))
        (scripts,) = (name for name in archive.namelist() if name.endswith('.dist-info/entry_points.txt'))
        assert 'mmroi = mmroi.cli.main:main' in archive.read(scripts).decode()
    assert found['Description-Content-Type'] == 'text/markdown'
    assert 'Paper, https://arxiv.org/abs/2402.02074' in found.get_all('Project-URL')
    assert 'Programming Language :: Python :: 3.10' in found.get_all('Classifier')
    needed = {re.split('[<>]', line)[0] for line in found.get_all('Requires-Dist') if 'extra ==' not in line}
    assert {'torch', 'mmcv-lite', 'mmengine', 'trimesh'} <= needed
