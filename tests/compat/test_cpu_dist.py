import re
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config

from mmroi.compat import cpu_dist

TOY = """
import sys
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.model import BaseModel
from mmengine.runner import Runner


class Toy(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs, mode):
        return dict(loss=(self.weight * inputs.float()).mean())


def collate(batch):
    return dict(inputs=torch.tensor(batch))


cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='gloo'))))
if sys.argv[1] == 'with':
    from mmroi.compat import cpu_dist
    cpu_dist.setup(cfg, 'pytorch')
runner = Runner(
    model=Toy(), work_dir=sys.argv[2], launcher='pytorch', env_cfg=cfg.env_cfg, cfg=cfg,
    train_cfg=dict(by_epoch=True, max_epochs=1), log_level='ERROR',
    default_hooks=dict(checkpoint=None),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    train_dataloader=dict(dataset=list(range(4)), batch_size=2, num_workers=0, collate_fn=dict(type=collate),
                          sampler=dict(type='DefaultSampler', shuffle=False)))
runner.train()
print(f' rank {get_rank()}: {runner.model.module.weight.item():.3f} ', flush=True)
"""


def launch(mode, tmp_path):
    # Each rank sees other numbers (0 2 and 1 3), so equal weights mean that gradients were averaged.
    script = tmp_path / 'toy.py'
    script.write_text(TOY)
    return subprocess.run(
        [
            sys.executable,
            '-m',
            'torch.distributed.run',
            '--standalone',
            '--nproc_per_node=2',
            str(script),
            mode,
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_is_needed(tmp_path):
    """When this fails on a machine without GPU, MMEngine trains on CPU processes: remove the workaround."""
    if not torch.cuda.is_available():
        assert launch('without', tmp_path).returncode != 0


def test_two_cpu_processes_train_with_it(tmp_path):
    if torch.cuda.is_available():
        pytest.skip('a machine with a GPU does not take the CPU path')
    done = launch('with', tmp_path)
    # mean of 0, 1, 2, 3 is 1.5; one step of rate 0.1
    assert set(re.findall(r'rank \d: [\d.]+', done.stdout)) == {'rank 0: 0.850', 'rank 1: 0.850'}, done.stderr


def test_one_process_is_left_alone():
    cfg = Config(dict())
    cpu_dist.setup(cfg, 'none')
    assert dict(cfg) == {}


def test_other_launchers_need_accelerators(monkeypatch):
    monkeypatch.setattr(cpu_dist, 'get_device', lambda: 'cpu')
    with pytest.raises(RuntimeError, match='--launcher slurm'):
        cpu_dist.setup(Config(dict()), 'slurm')
