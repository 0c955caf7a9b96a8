"""What ``tools/benchmark_gpu.py`` measures: the tools and their arguments."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.benchmark.steps import FIGURES, Command, Step
from mmroi.engine.training_log import read_curves

R50 = 'configs/multi_roi/multi-roi_r50_1xb48-25e_synthetic-256x192.py'
HRNET = 'configs/multi_roi/multi-roi_hr48_1xb20-15e_mixture-256x192.py'
MOVENET = 'configs/multi_roi/multi-roi_movenet_1xb64-30e_synthetic-256x192.py'
SHARED_MAP = 'configs/multi_roi/multi-roi_movenet_shared-map-1xb64-30e_synthetic-256x192.py'
CLIFF_MOVENET = 'configs/cliff/cliff_movenet_1xb64-30e_synthetic-256x192.py'
SMALL = 'configs/multi_roi/multi-roi_r18_1xb16-5e_synthetic-96x72.py'
SMALL_CROPS = ('--cfg-options', 'crop_size=(64,48)')
SPEED_OF = dict(r50=R50, hr48=HRNET, movenet=MOVENET)
WEIGHTS = {
    MOVENET: 'checkpoints/multi-roi_movenet_synthetic.pth',
    CLIFF_MOVENET: 'checkpoints/cliff_movenet_synthetic.pth',
}
_TURNS = ('--seconds', '0.3', '--rounds', '3')
_ONCE = ('--seconds', '0', '--rounds', '1')
_OPEN = ('--body-model', 'open')
_PLAIN, _LAUNCHED = 'plain', 'launched'  # work folders of the two trainings that are compared


def gpu_steps() -> list[Step]:
    """Make the steps for one GPU, those that matter most first."""
    precisions = ('--precisions', 'fp32', 'bf16')
    sizes = ('--batch-sizes', '1', '32')
    steps = [
        _numerics(('--precisions', 'fp32', 'tf32', 'bf16', '--modes', 'eager', 'cuda-graphs')),
        _inference('inference', R50, *sizes, *precisions, '--modes', 'eager', 'cuda-graphs', *_TURNS),
    ]
    modes = ('--modes', 'eager', 'folded', 'channels_last+folded+cuda-graphs')
    for name, config in SPEED_OF.items():
        own = ('--rois', '5', '--no-baselines', *sizes, *precisions, *modes, *_TURNS)
        steps.append(_inference(f'speed-{name}', config, *own))
    one_and_five = ('--rois', '1', '5', '--no-baselines', *sizes, *precisions)
    steps.append(
        _inference('shared-map', SHARED_MAP, *one_and_five, '--modes', 'eager', 'cuda-graphs', *_TURNS)
    )
    workers = ('--num-workers', '8')
    compared = ('--compare', 'amp', 'amp+channels_last', 'amp+with_cp')
    steps.append(_training('training', R50, *compared, *workers, '--seconds', '3', '--rounds', '3'))
    for name, checkpointing in (('memory-with_cp', 'True'), ('memory-without_cp', 'False')):
        batch = ('--rois', '9', '--batch-size', '48', *workers, '--seconds', '1', '--rounds', '1')
        option = ('--cfg-options', f'model.encoder.with_cp={checkpointing}')
        steps.append(_training(name, R50, *batch, *option))
    steps += [_launcher(images=64, batch_size=8), _operations(R50, '1', '5', '9')]
    for precision in ('fp32', 'bf16'):
        for size in ('1', '32'):
            for first in (1, 4, 7):
                rois = tuple(str(number) for number in range(first, first + 3))
                baselines = () if first == 1 else ('--no-baselines',)
                kind = ('--rois', *rois, *baselines, '--batch-sizes', size, '--precisions', precision)
                name = f'compiled-{precision}-batch{size}-m{rois[0]}to{rois[-1]}'
                compiled = ('--modes', 'compiled', 'compiled+cuda-graphs')
                steps.append(_inference(name, R50, *kind, *compiled, *_TURNS))
    return steps


def quick_steps(device: str) -> list[Step]:
    """Make one small step of each kind, to test them; their figures mean nothing.

    Args:
        device: Such as ``cpu``.
    """
    modes = ('--modes', 'eager', *(() if device == 'cpu' else ('cuda-graphs',)))
    where = ('--device', device)
    return [
        _numerics(('--batch-size', '1', *modes, *where), (CLIFF_MOVENET,)),
        _inference('inference', SMALL, '--rois', '1', '2', '--batch-sizes', '2', *modes, *_ONCE, *where),
        _training('training', SMALL, '--batch-size', '2', '--num-workers', '1', *_ONCE, *where),
        _launcher(images=4, batch_size=2),
    ]


def _to_json(tool: str, config: str, *arguments: str, file: str = FIGURES) -> Command:
    small = SMALL_CROPS if config == SMALL else ()
    where = (*_OPEN, '--json', f'{{out}}/{file}')
    return Command(f'analysis_tools/{tool}.py', (config, *arguments, *small, *where))


def _inference(name: str, config: str, *arguments: str) -> Step:
    return Step(name, (_to_json('benchmark_inference', config, *arguments),))


def _training(name: str, config: str, *arguments: str) -> Step:
    return Step(name, (_to_json('benchmark_training', config, *arguments),))


def _operations(config: str, *rois: str) -> Step:
    return Step('operations', (_to_json('get_flops', config, '--rois', *rois),))


def _numerics(arguments: tuple[str, ...], configs: tuple[str, ...] = (MOVENET, CLIFF_MOVENET)) -> Step:
    files = {config: f'{Path(config).stem}.json' for config in configs}
    commands = tuple(
        _to_json('compare_numerics', config, '--weights', WEIGHTS[config], *arguments, file=file)
        for config, file in files.items()
    )
    return Step('numerics', commands, _read_numerics)


def _read_numerics(out: Path) -> dict[str, Any]:
    found = [json.loads(path.read_bytes()) for path in sorted(out.glob('*.json'))]
    return dict(machine=found[0]['machine'], rows=[row for figures in found for row in figures['rows']])


def _launcher(images: int, batch_size: int) -> Step:
    """Train with and without a launcher, in float32 throughout, on the same images."""
    sizes = ('--num-train', str(images), '--num-val', '1')
    data = Command('dataset_tools/make_synthetic.py', ('--preset', 'easy', '--out', '{out}/data', *sizes))
    options = (
        SMALL_CROPS[1],
        'max_epochs=1',
        'train_dataloader.dataset.data_root={out}/data/',
        f'train_dataloader.batch_size={batch_size}',
        'train_dataloader.num_workers=0',
        'default_hooks.logger.interval=1',
        'log_processor.window_size=1',
        'env_cfg.cudnn_benchmark=False',
    )
    common = (SMALL, '--no-validate', '--cfg-options', *options)
    torchrun = ('-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=1')
    trainings = (
        Command('train.py', (*common, '--work-dir', f'{{out}}/{_PLAIN}')),
        Command(
            'train.py', (*common, '--work-dir', f'{{out}}/{_LAUNCHED}', '--launcher', 'pytorch'), torchrun
        ),
    )
    return Step('launcher', (data, *trainings), _read_losses, dict(NVIDIA_TF32_OVERRIDE='0'))


def _read_losses(out: Path) -> dict[str, Any]:
    """Compare all losses of all iterations of the two trainings."""
    (plain, _), (launched, _) = (read_curves(out / name) for name in (_PLAIN, _LAUNCHED))
    names = sorted(name for name in plain if name.startswith('loss'))
    rows = []
    for name in names:
        (steps, expected), (found_steps, found) = plain[name], launched[name]
        if not np.array_equal(steps, found_steps):
            raise ValueError(f'the trainings logged different iterations of {name}')
        difference = np.abs(found - expected) / np.maximum(np.abs(expected), 1e-12)
        rows.append(
            dict(
                loss=name,
                iterations=len(steps),
                last=float(expected[-1]),
                last_with_launcher=float(found[-1]),
                largest_relative_difference=float(difference.max()),
            )
        )
    return dict(rows=rows)
