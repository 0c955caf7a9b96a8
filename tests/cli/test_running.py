import signal
import subprocess
import sys

import pytest
import torch.distributed as dist

from mmroi.cli.running import run_tool
from mmroi.utils.errors import UserError


@pytest.mark.parametrize(
    ('error', 'traceback'), [(UserError('give it a name'), False), (ValueError('from a library'), True)]
)
def test_tool_ends_with_one_sentence(capsys, monkeypatch, error, traceback):
    def main():
        raise error

    for variable in (None, '1'):
        if variable:
            monkeypatch.setenv('MMROI_TRACEBACK', variable)
        with pytest.raises(SystemExit) as caught:
            run_tool(main)
        assert caught.value.code == f'error: {error}'
        assert ('Traceback' in capsys.readouterr().err) == (traceback or bool(variable))


@pytest.mark.parametrize('size', [1, 1 << 20])  # in the buffer at the end, or written before
def test_a_reader_that_has_had_enough_is_no_error(size):
    program = f'from mmroi.cli.running import run_tool; run_tool(lambda: print("x" * {size}))'
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

    run_tool(main)
    assert not dist.is_initialized()


@pytest.mark.parametrize(('signum', 'status'), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_a_library_turns_into_an_error(usual_signals, signum, status):
    """As MMEngine does while it formats a config, which it also does for each checkpoint."""
    program = f"""
import os
from mmroi.cli.running import run_tool

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
