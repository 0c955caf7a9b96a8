"""Kills small trainings at chosen moments and resumes them; prints one JSON line per kill.

Torch is imported once: each training is a fork of this process.
"""

import argparse
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmroi.engine.checkpoints import check_checkpoint, prepare_resume

EPOCHS = 4
# The settings of the benchmark, and those of default_runtime.py.
SETTINGS = dict(
    benchmark=dict(checkpoint=dict(interval=1, max_keep_ckpts=1), val_interval=EPOCHS),
    default=dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='auto'), val_interval=1),
)


class Numbers(Dataset):
    """Random pairs."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([index + torch.rand(1).item(), 1.0]))


class Line(BaseModel):
    """A regression with dropout."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 4)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, inputs, mode='tensor'):
        output = self.dropout(self.layer(torch.stack(inputs)))
        return dict(loss=output.square().mean()) if mode == 'loss' else [output.detach()]


class Size(BaseMetric):
    """Mean of the outputs, which falls and rises again in a training."""

    default_prefix = 'size'

    def process(self, data_batch, data_samples):
        self.results += [float(sample.square().mean()) for sample in data_samples]

    def compute_metrics(self, results):
        return dict(error=sum(results) / len(results))


def train(work_dir, settings):
    """Train, or resume what is in the folder, as tools/train.py does."""
    torch.manual_seed(1)
    options = SETTINGS[settings]
    loader = dict(
        batch_size=2,
        num_workers=0,
        dataset=Numbers(),
        collate_fn=dict(type='pseudo_collate'),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    cfg = Config(dict(work_dir=str(work_dir)))
    prepare_resume(cfg, 'auto')
    Runner(
        model=Line(),
        work_dir=str(work_dir),
        default_scope='mmroi',
        experiment_name=f'{work_dir.name}_{os.getpid()}',
        train_dataloader=loader,
        val_dataloader=dict(loader, dataset=Numbers()),
        val_evaluator=dict(type=Size),
        train_cfg=dict(by_epoch=True, max_epochs=EPOCHS, val_interval=options['val_interval']),
        val_cfg={},
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
        param_scheduler=dict(type='CosineAnnealingLR', T_max=EPOCHS),
        default_hooks=dict(
            checkpoint=dict(type='AtomicCheckpointHook', **options['checkpoint']),
            finite=dict(type='FiniteCheckHook'),
            resume=dict(type='ResumeCheckHook'),
        ),
        custom_hooks=[dict(type='EpochSeedHook')],
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        randomness=dict(seed=3),
        log_level='ERROR',
        resume=cfg.get('resume', False),
        load_from=cfg.get('load_from'),
    ).train()


def fork(work_dir, settings, prepare=None):
    """Train in a fork; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        sys.stdout = sys.stderr = open(f'{work_dir}.log', 'a', buffering=1)
        if prepare is not None:
            prepare()
        train(work_dir, settings)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def at_change(number, folder, action):
    """Return a function that lets a process act before its n-th change of checkpoints; 0 counts them."""

    def prepare():
        changes = 0

        def count(event, arguments):
            nonlocal changes
            if event == 'open':
                relevant = isinstance(arguments[1], str) and arguments[1][:1] in 'wax'
            else:
                relevant = event in ('os.rename', 'os.remove', 'os.rmdir', 'os.mkdir', 'shutil.rmtree')
            if relevant and is_checkpoint(str(arguments[0]), folder):
                changes += 1
                if number == 0:
                    action(changes)
                elif changes == number:
                    action()

        sys.addaudithook(count)

    return prepare


def write(note, number):
    note.write_text(str(number))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def fill_the_disk():
    """Let writing beyond 1 KB fail from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def is_checkpoint(path, folder):
    """Whether a path is of a checkpoint or of last_checkpoint, or of their temporary files."""
    return path.startswith(str(folder)) and ('.pth' in path or 'last_checkpoint' in path)


def wait(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def state(work_dir):
    """What an uninterrupted and a resumed training must have in common."""
    files = {path.name for path in work_dir.glob('*.pth')} | {
        path.name for path in work_dir.iterdir() if path.name.startswith('.')
    }
    last = check_checkpoint(work_dir / Path((work_dir / 'last_checkpoint').read_text()).name)
    info = last['message_hub']['runtime_info']
    return dict(
        files=sorted(files),
        weights={name: value.tolist() for name, value in last['state_dict'].items()},
        best=[Path(info.get('best_ckpt', '')).name, info.get('best_score')],
        curve=sorted(curve(work_dir).items()),
    )


def curve(work_dir):
    entries = [
        json.loads(line)
        for log in work_dir.glob('*/vis_data/scalars.json')
        for line in log.read_text().splitlines()
        if line.endswith('}')
    ]
    return {entry['step']: entry['size/error'] for entry in entries if 'size/error' in entry}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=Path)
    parser.add_argument('--kills', type=int, required=True)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    chosen = random.Random(args.seed)
    for settings in SETTINGS:
        whole, note = args.folder / f'{settings}_whole', args.folder / f'{settings}_changes'
        start = time.monotonic()
        counting = at_change(0, whole, partial(write, note))
        assert wait(fork(whole, settings, counting)) == 0
        seconds = time.monotonic() - start
        number = int(note.read_text())
        expected = state(whole)
        assert len(expected['curve']) == EPOCHS // SETTINGS[settings]['val_interval']
        each = max(1, args.kills // (3 * len(SETTINGS)))
        aimed = chosen.sample(range(1, number + 1), min(each, number))
        moments = [(kind, moment) for kind in ('kill', 'full') for moment in sorted(aimed)]
        moments += [('time', chosen.uniform(0, seconds)) for _ in range(each)]
        for kind, moment in moments:
            folder = args.folder / f'{settings}_{kind}_{moment:.4g}'
            action = dict(kill=die, full=fill_the_disk).get(kind)
            pid = fork(folder, settings, at_change(moment, folder, action) if action else None)
            if kind == 'time':
                time.sleep(moment)
                os.kill(pid, signal.SIGKILL)
            ended = wait(pid)
            unreadable = [path.name for path in folder.glob('*.pth') if not is_readable(path)]
            resumed = wait(fork(folder, settings))
            found = state(folder) if resumed == 0 else {}
            differing = [key for key in expected if found.get(key) != expected[key]]
            result = dict(
                settings=settings, kind=kind, moment=moment, of=number, ended=ended, resumed=resumed
            )
            print(json.dumps(dict(result, unreadable=unreadable, differing=differing)), flush=True)


def is_readable(path):
    try:
        check_checkpoint(path)
    except ValueError:
        return False
    return True


if __name__ == '__main__':
    main()
