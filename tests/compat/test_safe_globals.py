import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OneCycleLR

from mmroi.compat import safe_globals


@pytest.fixture
def checkpoint(tmp_path):
    hub = MessageHub('test_safe_globals')
    for i in range(3):
        hub.update_scalar('train/loss', 0.5 * i)
    hub.update_info('best', np.float32(3))
    hub.update_info('history', np.arange(3, dtype=np.int64))
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(message_hub=hub.state_dict(), state_dict=dict(weight=torch.ones(2))), path)
    return path


def load(path, prelude):
    code = (
        f'{prelude}\nimport torch\nhub = torch.load({str(path)!r}, weights_only=True)["message_hub"]\n'
        'print(hub["log_scalars"]["train/loss"].mean(), hub["runtime_info"]["history"].tolist())'
    )
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)


def test_is_needed(checkpoint):
    """When this fails, torch loads MMEngine's checkpoints by itself: remove the list."""
    failed = load(checkpoint, 'import mmengine')
    assert failed.returncode != 0 and 'Weights only load failed' in failed.stderr


@pytest.mark.parametrize(
    'prelude', ['from mmroi.compat import safe_globals; safe_globals.install()', 'import mmroi.engine']
)
def test_checkpoint_loads_with_it(checkpoint, prelude):
    done = load(checkpoint, prelude)
    assert done.stdout == '0.5 [0, 1, 2]\n', done.stderr


def test_state_of_a_one_cycle_schedule_loads(tmp_path):
    safe_globals.install()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    for strategy in ('cos', 'linear'):
        scheduler = OneCycleLR(optimizer, eta_max=1, total_steps=10, anneal_strategy=strategy)
        torch.save(scheduler.state_dict(), tmp_path / 'state.pth')
        state = torch.load(tmp_path / 'state.pth', weights_only=True)
        assert state['anneal_func'](2.0, 4.0, 1.0) == pytest.approx(4.0)


class Malicious:
    def __reduce__(self):
        return os.system, ('echo run',)


class ClimbsByGetattr:
    def __init__(self, owner, name):
        self.owner, self.name = owner, name

    def __reduce__(self):
        return getattr, (self.owner, self.name)


@pytest.mark.parametrize(
    'payload',
    [
        Malicious(),
        ClimbsByGetattr(np.ndarray, 'tofile'),
        ClimbsByGetattr(safe_globals.HistoryBuffer, '__init__'),
        ClimbsByGetattr(safe_globals.HistoryBuffer, '__reduce__'),
        ClimbsByGetattr(OneCycleLR, '__init__'),
        ClimbsByGetattr(safe_globals.OneCycleParamScheduler, '__init__'),
    ],
)
def test_strangers_stay_out(tmp_path, payload, capfd):
    safe_globals.install()
    torch.save(payload, tmp_path / 'bad.pth')
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        torch.load(tmp_path / 'bad.pth', weights_only=True)
    assert 'run' not in capfd.readouterr().out.split()
