import argparse
import signal
import subprocess
import sys

import pytest
import torch.distributed as dist

from mmroi.engine import launch
from mmroi.registry import MODELS


class Strict:
    def __init__(self, color, size=1):
        pass


def args(config, **changes):
    values = dict(
        config=str(config), cfg_options={}, body_model=None, work_dir=None, launcher='none', local_rank=0
    )
    return argparse.Namespace(**{**values, **changes})


def test_config_with_options(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text('a = dict(b=1)')
    cfg = launch.read_runner_config(args(path, cfg_options={'a.b': 2}))
    assert (cfg.a.b, cfg.work_dir, cfg.launcher) == (2, 'work_dirs/tiny', 'none')
    assert launch.read_runner_config(args(path, work_dir='elsewhere')).work_dir == 'elsewhere'


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='config .*nothing.py does not exist'):
        launch.read_runner_config(args(tmp_path / 'nothing.py'))
    with pytest.raises(FileNotFoundError, match='checkpoint .*nothing.pth does not exist'):
        launch.existing_file(str(tmp_path / 'nothing.pth'))


def test_unknown_key_is_answered_with_the_known_ones():
    MODELS.register_module(name='Strict', module=Strict, force=True)
    with pytest.raises(TypeError) as caught:
        MODELS.build(dict(type='Strict', color='red', sice=3))
    assert launch.explain(caught.value) == (
        "config: Strict does not know the key 'sice'; did you mean 'size'? It knows: color, size"
    )


def test_other_errors_keep_their_words():
    assert launch.explain(ValueError('two\n  lines')) == 'two lines'
    assert launch.explain(KeyError()) == 'KeyError'
    assert launch.explain(KeyError('no such key in labels.npz')) == 'no such key in labels.npz'


@pytest.mark.parametrize(
    'error, traceback',
    [
        (FileNotFoundError('no image'), False),
        (ValueError('bad'), True),
    ],
)
def test_tool_ends_with_one_sentence(capsys, error, traceback):
    def main():
        raise error

    with pytest.raises(SystemExit) as caught:
        launch.run_tool(main)
    assert caught.value.code == f'error: {error}'
    assert ('Traceback' in capsys.readouterr().err) == traceback


@pytest.mark.parametrize('size', [1, 1 << 20])  # in the buffer at the end, or written before
def test_a_reader_that_has_had_enough_is_no_error(size):
    program = f'from mmroi.engine.launch import run_tool; run_tool(lambda: print("x" * {size}))'
    tool = subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert tool.stdout is not None
    tool.stdout.close()
    assert tool.stderr is not None
    assert tool.stderr.read() == ''
    assert tool.wait() == 128 + signal.SIGPIPE


def test_a_tool_that_has_done_its_work_leaves_its_process_group(tmp_path):
    def main():
        dist.init_process_group('gloo', init_method=f'file://{tmp_path}/rendezvous', rank=0, world_size=1)

    launch.run_tool(main)
    assert not dist.is_initialized()


@pytest.mark.parametrize(('signum', 'status'), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_a_library_turns_into_an_error(usual_signals, signum, status):
    """As MMEngine does while it formats a config, which it also does for each checkpoint."""
    program = f"""
import os
from mmroi.engine.launch import run_tool

def main():
    try:
        os.kill(os.getpid(), {int(signum)})
    except:
        raise SyntaxError('Failed to format the config file')

run_tool(main)
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert done.returncode == status
    assert done.stderr == f'ended by {signum.name}\n'
