"""The command-line tools as a user runs them: tiny data, short training, resume, test, several processes."""

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmroi.fileio import read_checkpoint

from ..tool_runner import run_tool

ROOT = Path(__file__).resolve().parents[2]
NUM_VAL = 7  # odd, so that two processes share it unevenly
CONFIG = """
_base_ = {base!r}
max_epochs = 4
data_root = {data!r}
dataset = dict(data_root=data_root)
train_dataloader = dict(batch_size=4, num_workers=1, dataset=dataset)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dataset)
test_dataloader = val_dataloader
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=-1))
"""


def run(*command, check=True, **environment):
    # One thread in every run: sums in another order would be other numbers.
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PATH': path, 'PYTHONPATH': str(ROOT), **environment}
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
    )
    if check:
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def free_port():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def weights(path):
    return read_checkpoint(path)['state_dict']


def last_metrics(work_dir):
    """The validation figures at the end of a training."""
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    figures = json.loads(log.read_text().splitlines()[-1])
    return {key: value for key, value in figures.items() if key.startswith('synthetic/')}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('tools')


@pytest.fixture(scope='module')
def config(small_multi_roi, folder):
    """A config on a data set that make_synthetic.py has just made."""
    data = folder / 'data'
    run_tool(
        'dataset_tools/make_synthetic.py',
        '--preset',
        'easy',
        '--out',
        data,
        '--num-train',
        12,
        '--num-val',
        NUM_VAL,
        '--image-size',
        128,
        '--workers',
        1,
    )
    path = folder / 'tiny.py'
    path.write_text(CONFIG.format(base=str(small_multi_roi), data=str(data)))
    return path


@pytest.fixture(scope='module')
def trained(folder, config):
    """Work folder of an uninterrupted training."""
    done = run_tool('train.py', config, '--work-dir', folder / 'whole')
    (folder / 'whole.out').write_text(done.stdout)
    return folder / 'whole'


def test_the_console_of_a_training_shows_where_it_is_and_the_log_file_the_rest(folder, config, trained):
    shown, (log,) = (folder / 'whole.out').read_text(), trained.glob('*/*.log')
    first, *_, last = shown.splitlines()
    assert str(config) in first and str(trained) in first and str(trained) in last
    assert 'Epoch(train)' in shown and 'Epoch(val)' in shown and len(shown.splitlines()) < 40
    for heading in ('System environment:', 'Config:', 'Hooks will be executed'):
        assert heading not in shown and heading in log.read_text()


def test_resumed_training_equals_the_uninterrupted_one(folder, config, trained):
    half = folder / 'half'
    half.mkdir()
    shutil.copy(trained / 'epoch_2.pth', half)
    (half / 'last_checkpoint').write_text(str(half / 'epoch_2.pth'))
    run_tool('train.py', config, '--work-dir', half, '--resume', '--no-validate')
    whole, resumed = weights(trained / 'epoch_4.pth'), weights(half / 'epoch_4.pth')
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert not all(torch.equal(whole[key], value) for key, value in weights(trained / 'epoch_2.pth').items())


def test_test_repeats_the_validation_and_draws_people(folder, config, trained):
    run_tool(
        'test.py',
        config,
        trained / 'epoch_4.pth',
        '--work-dir',
        folder / 'test',
        '--out',
        folder / 'metrics.json',
        '--show-dir',
        folder / 'pictures',
    )
    assert json.loads((folder / 'metrics.json').read_text()) == pytest.approx(last_metrics(trained))
    assert len(list((folder / 'pictures').glob('*.jpg'))) >= NUM_VAL


def test_two_processes_test_as_one(folder, config, trained):
    run(
        ROOT / 'tools' / 'dist_test.sh',
        config,
        trained / 'epoch_4.pth',
        2,
        '--work-dir',
        folder / 'dist_test',
        '--out',
        folder / 'dist_metrics.json',
        PORT=free_port(),
    )
    assert json.loads((folder / 'dist_metrics.json').read_text()) == pytest.approx(last_metrics(trained))


def test_two_processes_train(folder, config):
    work_dir = folder / 'dist_train'
    run(
        ROOT / 'tools' / 'dist_train.sh',
        config,
        2,
        '--work-dir',
        work_dir,
        '--amp',
        '--auto-scale-lr',
        '--cfg-options',
        'max_epochs=1',
        PORT=free_port(),
    )
    # Both processes validate with the statistics that are saved, so one process finds the same errors.
    run_tool(
        'test.py',
        config,
        work_dir / 'epoch_1.pth',
        '--work-dir',
        folder / 'dist_retest',
        '--out',
        folder / 'retest.json',
    )
    assert json.loads((folder / 'retest.json').read_text()) == pytest.approx(last_metrics(work_dir))


def test_published_checkpoint_is_small_and_works(folder, config, trained):
    run_tool(
        'model_converters/publish_model.py',
        trained / 'epoch_4.pth',
        folder / 'published' / 'tiny.pth',
        '--half',
        '--hash',
        '--for-prediction',
    )
    (path,) = (folder / 'published').glob('tiny-????????.pth')
    assert path.stat().st_size < (trained / 'epoch_4.pth').stat().st_size / 5
    saved = read_checkpoint(path)
    assert saved.keys() == {'meta', 'state_dict'} and saved['meta']['epoch'] == 4
    assert {value.dtype for value in saved['state_dict'].values()} == {torch.float16, torch.int64}
    assert not any(name.startswith('projector.') for name in saved['state_dict'])
    run_tool('test.py', config, path, '--work-dir', folder / 'test', '--out', folder / 'predictions.pkl')
    predictions = pickle.loads((folder / 'predictions.pkl').read_bytes())  # written by this test a moment ago
    assert len(predictions) >= NUM_VAL
    assert predictions[0]['pred_instances']['vertices'].shape == (1, 6890, 3)


@pytest.mark.parametrize(
    'script, arguments, called',
    [
        (
            'slurm_train.sh',
            ['gpu', 'job', 'c.py', 'out', '--amp'],
            'train.py c.py --work-dir out --launcher slurm --amp',
        ),
        (
            'slurm_test.sh',
            ['gpu', 'job', 'c.py', 'w.pth', '--out', 'm.json'],
            'test.py c.py w.pth --launcher slurm --out m.json',
        ),
    ],
)
def test_slurm_scripts_pass_everything_on(tmp_path, script, arguments, called):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    done = run(ROOT / 'tools' / script, *arguments, PATH=f'{tmp_path}:{os.environ["PATH"]}', GPUS='16')
    assert '-p gpu --job-name=job --gres=gpu:8 --ntasks=16 --ntasks-per-node=8' in done.stdout
    assert done.stdout.strip().endswith(called)


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_scripts_explain_themselves(script):
    done = run(ROOT / 'tools' / script, check=False)
    assert done.returncode == 2 and done.stderr.startswith('usage:')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['nothing.py'], 'error: config nothing.py does not exist'),
        (
            ['{config}', '--cfg-options', 'model.encoder.pol=mean'],
            "error: config: MultiRoIEncoder does not know the key 'pol'; did you mean 'pool'?",
        ),
        (['{config}', '--cfg-options', 'train_dataloader.dataset.ann_file=nothing.npz'], 'nothing.npz'),
    ],
)
def test_bad_input_ends_with_one_sentence(folder, config, arguments, message):
    arguments = [argument.format(config=config) for argument in arguments]
    done = run_tool('train.py', *arguments, '--work-dir', folder / 'bad', check=False)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]
