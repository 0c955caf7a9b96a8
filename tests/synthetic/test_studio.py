"""The studio: same files for any number of workers, resuming, refusals; and the command line."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.fileio.human_data import HumanData
from mmroi.synthetic import StudioSettings, make_dataset

SETTINGS = StudioSettings('full', 64, 5)
TOOL = Path(__file__).parents[2] / 'tools' / 'dataset_tools' / 'make_synthetic.py'


def digest(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob('*'))
        if path.is_file()
    }


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('made')
    result = make_dataset(folder, SETTINGS, 34, 3, workers=1, progress=False)
    return folder, result


def test_files_and_labels(made):
    folder, result = made
    data = HumanData.fromfile(folder / 'train.npz')
    assert result['train'] == data.data_len >= 34 and result['val'] >= 3 and result['new_images'] == 37
    paths = [str(path) for path in data['image_path']]
    assert len(set(paths)) == 34
    for path, size in zip(paths, data['misc']['image_size'], strict=True):
        assert cv2.imread(str(folder / path)).shape[:2] == tuple(size)
    ratio = data['misc']['focal_length'] / np.linalg.norm(data['misc']['image_size'], axis=1)
    assert ratio.min() >= 0.6 and ratio.max() <= 2.5


def test_two_workers_make_the_same_bytes(made, tmp_path):
    make_dataset(tmp_path, SETTINGS, 34, 3, workers=2, progress=False)
    assert digest(tmp_path) == digest(made[0])


def test_a_resumed_run_equals_an_uninterrupted_one(made, tmp_path):
    make_dataset(tmp_path, SETTINGS, 20, 0, progress=False)
    # As if killed while photo 17 was being written, and somebody deleted a photo.
    (tmp_path / 'shards' / 'train' / '000001.npz').write_bytes(b'torn')
    (tmp_path / 'images' / 'train' / '000' / '000003.jpg').unlink()
    result = make_dataset(tmp_path, SETTINGS, 34, 3, progress=False)
    assert result['new_images'] == 37
    assert digest(tmp_path) == digest(made[0])


def test_complete_images_are_not_rendered_again(made):
    folder, _ = made
    before = {path: path.stat().st_mtime_ns for path in folder.rglob('*.jpg')}
    assert make_dataset(folder, SETTINGS, 34, 3, progress=False)['new_images'] == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob('*.jpg')}


@pytest.mark.parametrize('damage', [lambda b: b'', lambda b: b[:-9], lambda b: bytes(len(b)), None])
@pytest.mark.parametrize('name', ['images/train/000/000033.jpg', 'shards/train/000002.npz'])
def test_damaged_files_are_made_again(made, tmp_path, monkeypatch, name, damage):
    folder, said = made[0], []
    monkeypatch.setattr('mmroi.synthetic.studio.print_log', lambda text, *_: said.append(text))
    shutil.copytree(folder, tmp_path / 'copy')
    path = tmp_path / 'copy' / name
    if damage:
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    result = make_dataset(tmp_path / 'copy', SETTINGS, 34, 3, progress=False)
    assert result['new_images'] == 2 and digest(tmp_path / 'copy') == digest(folder)
    if damage or path.suffix == '.jpg':
        assert said == [f'{path} is missing or damaged: images 32 to 33 are made again']


def test_another_seed_gives_other_images_and_is_not_mixed_in(made, tmp_path):
    make_dataset(tmp_path, StudioSettings('full', 64, 6), 1, 0, progress=False)
    name = 'images/train/000/000000.jpg'
    assert (tmp_path / name).read_bytes() != (made[0] / name).read_bytes()
    with pytest.raises(ValueError, match='seed'):
        make_dataset(tmp_path, SETTINGS, 1, 0, progress=False)


@pytest.mark.parametrize('content', ['{"preset": ', '3'])
def test_damaged_settings_are_named(tmp_path, content):
    (tmp_path / 'studio.json').write_text(content)
    with pytest.raises(ValueError, match=r'studio\.json is damaged .*; delete '):
        make_dataset(tmp_path, SETTINGS, 1, 0, progress=False)
    assert (tmp_path / 'studio.json').read_text() == content


@pytest.mark.parametrize(
    'settings, message',
    [
        (('hard', 64, 0), 'easy, frontal, full, natural'),
        (('easy', 16, 0), '64 to 2048'),
        (('easy', 64, -1), 'seed'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        StudioSettings(*settings)


@pytest.mark.parametrize(
    'counts, workers, message', [((-1, 2), 1, 'negative'), ((0, 0), 1, 'not all zero'), ((1, 0), 0, 'worker')]
)
def test_bad_counts(tmp_path, counts, workers, message):
    with pytest.raises(ValueError, match=message):
        make_dataset(tmp_path, SETTINGS, *counts, workers=workers)


def test_command_line(tmp_path, run_tool):
    sizes = ('--image-size', 64, '--num-train', 2, '--num-val', 1)
    command = ('dataset_tools/make_synthetic.py', '--preset', 'easy', '--out', 'set', *sizes, '--workers', 1)
    done = run_tool(*command, '--sheet', 'sheet.png', cwd=tmp_path)
    assert '3 new images' in done.stdout and (tmp_path / 'sheet.png').is_file()
    wrong = run_tool(*command, '--num-train', -2, cwd=tmp_path, check=False)
    assert wrong.returncode == 1 and 'Traceback' not in wrong.stderr
    assert 'must not be negative' in wrong.stderr


def test_workers_end_when_the_main_process_is_killed(tmp_path):
    command = [
        sys.executable,
        str(TOOL),
        '--preset',
        'easy',
        '--out',
        str(tmp_path / 'set'),
        '--image-size',
        '64',
        '--num-train',
        '5000',
        '--workers',
        '2',
    ]
    main = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, 'PYTHONPATH': str(TOOL.parents[2])},
    )
    try:
        wait_for(lambda: list((tmp_path / 'set').rglob('*.jpg')))
        main.kill()
        main.wait()
        wait_for(lambda: not group_exists(main.pid))
    finally:
        if group_exists(main.pid):
            os.killpg(main.pid, signal.SIGKILL)


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.1)


def group_exists(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
