"""Images of a dataset into archives, and what another tool makes of them."""

import runpy
import sys
import tarfile
from pathlib import Path

import cv2
import pytest

from mmroi.fileio import HumanData
from mmroi.fileio.image_archives import open_archive
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'dataset_tools' / 'pack_images.py'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    make_dataset(root, StudioSettings('easy', 96, 0), 6, 2, workers=1, progress=False)
    return root


@pytest.fixture
def pack(monkeypatch, capsys):
    """Run the tool in this process; return its output, or its error."""
    main = runpy.run_path(str(TOOL))['main']

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        open_archive.cache_clear()
        main()
        return capsys.readouterr().out

    return run


def test_as_a_user_and_browse(data, run_tool, tmp_path):
    files = [data / 'train.npz', data / 'val.npz']
    arguments = ('--root', data, '--out', data / 'packed', '--shard-size', 0.01)
    done = run_tool('dataset_tools/pack_images.py', *files, *arguments)
    paths = sorted(data.glob('packed-*.tar'))
    assert len(paths) > 1 and '8 images, ' in done.stdout and f'in {len(paths)} archives\n' in done.stdout
    prefix = f'packed-{{00000..{len(paths) - 1:05}}}.tar'
    assert f"data_prefix=dict(img_path='{data / prefix}')" in done.stdout
    names = [name for path in paths for name in tarfile.open(path).getnames()]
    annotated = [str(name) for file in files for name in HumanData.fromfile(file)['image_path']]
    assert names == list(dict.fromkeys(annotated))

    (data / 'images').rename(data / 'elsewhere')
    config = tmp_path / 'config.py'
    base = ROOT / 'configs' / '_base_' / 'datasets' / 'synthetic_96x72.py'
    changed = f"dict(data_root='{data}/', data_prefix=dict(img_path='{prefix}'))"
    config.write_text(f'_base_ = {str(base)!r}\ntrain_dataloader = dict(dataset={changed})\n')
    out = tmp_path / 'out'
    run_tool('analysis_tools/browse_dataset.py', config, '--num', 2, '--out-dir', out, '--body-model', 'open')
    (data / 'elsewhere').rename(data / 'images')
    assert len(list(out.iterdir())) == 3 and min(cv2.imread(str(out / 'sheet.jpg')).shape[:2]) > 200


def test_continues_where_it_stopped(data, pack, tmp_path):
    arguments = (data / 'train.npz', '--root', data, '--out', tmp_path / 'out', '--shard-size', 0.01)
    assert 'which were there' not in pack(*arguments)
    paths = sorted(tmp_path.glob('out-*.tar'))
    before = [path.read_bytes() for path in paths]
    paths[1].unlink()
    assert (
        f'6 images, {sum((data / n).stat().st_size for n in _names(data)) / 1e6:.1f} MB, in {len(paths)} '
        in (done := pack(*arguments))
    )
    assert f'{len(paths) - 1} of which were there' in done
    assert [path.read_bytes() for path in paths] == before


def test_images_that_do_not_exist(data, pack, tmp_path):
    few = HumanData.fromfile(data / 'train.npz')
    few['image_path'] = ['no.jpg', *list(few['image_path'])[1:]]
    few.dump(tmp_path / 'few.npz')
    arguments = (tmp_path / 'few.npz', '--root', data, '--out', tmp_path / 'out')
    with pytest.raises(
        FileNotFoundError, match=r'no\.jpg does not exist, nor do 0 more images; correct --root'
    ):
        pack(*arguments)
    assert not list(tmp_path.glob('out*'))
    assert '; 1 missing images left out' in pack(*arguments, '--skip-missing')
    with pytest.raises(ValueError, match='holds other images than these; choose another --out'):
        pack(data / 'train.npz', *arguments[1:])


def test_a_size_that_is_none(data, pack, tmp_path, capsys):
    with pytest.raises(SystemExit):
        pack(data / 'train.npz', '--root', data, '--out', tmp_path / 'out', '--shard-size', 0)
    assert '--shard-size must be positive, not 0' in capsys.readouterr().err


def _names(data):
    return {str(name) for name in HumanData.fromfile(data / 'train.npz')['image_path']}
