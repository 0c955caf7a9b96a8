"""How many people a model takes in a second, in training or inference, with M RoIs and with one.

`python tools/analysis_tools/benchmark_model.py {training,inference} CONFIG [--rois 1 5] [--json FILE]`

Crops are random and already in memory: this measures the network, body model and losses, not the loader
(`benchmark_dataloader.py`). The numbers of RoIs take turns within the run, so that their ratio is fair on a
busy machine.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import nn

from mmroi.engine.amp import use_amp
from mmroi.engine.launch import run_tool
from mmroi.geometry import make_rois, roi_offsets
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample


def with_rois(config: ConfigDict, num_rois: int) -> ConfigDict:
    """A copy of a model's config for another number of RoIs."""
    config = config.copy()
    for part in ('fusion', 'head'):
        if config.get(part) and 'num_rois' in config[part]:
            config[part] = {**config[part], 'num_rois': num_rois}
    return config


def random_batch(batch_size: int, num_rois: int, crop_size: tuple[int, int]) -> dict:
    """People with random crops and plausible labels, as a loader gives them.

    Args:
        batch_size: N.
        num_rois: M.
        crop_size: Height and width.

    Returns:
        `inputs` and `data_samples`.
    """
    rng = np.random.default_rng(0)
    boxes = make_rois(torch.tensor([10.0, 20.0, 300.0], dtype=torch.float64), roi_offsets(num_rois)).numpy()
    shapes = dict(
        global_orient=(1, 3),
        body_pose=(1, 23, 3),
        betas=(1, 10),
        keypoints2d=(1, 54, 3),
        keypoints3d=(1, 54, 4),
    )
    samples = []
    for _ in range(batch_size):
        sample = HMRDataSample(
            metainfo=dict(boxes=boxes, focal_length=700.0, principal_point=np.array([256.0, 256.0]))
        )
        labels = {key: 0.1 * rng.standard_normal(shape, dtype=np.float32) for key, shape in shapes.items()}
        flags = {
            f'has_{key}': np.ones(1, np.float32) for key in ('smpl', 'keypoints2d', 'keypoints3d', 'transl')
        }
        sample.gt_instances = InstanceData(pelvis=np.float32([[0, 0, 5]]), **labels, **flags)
        samples.append(sample)
    inputs = torch.from_numpy(rng.integers(0, 255, (batch_size, num_rois, 3, *crop_size), dtype=np.uint8))
    return dict(inputs=list(inputs), data_samples=samples)


def step_of(mode: str, model: nn.Module, config: Config, batch: dict) -> Callable[[], object]:
    """The call that is measured."""
    if mode == 'inference':
        model.eval()
        return torch.inference_mode()(lambda: model.test_step(batch))
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    return lambda: model.train_step(batch, wrapper)


def seconds_for(step: Callable[[], object], repeats: int) -> float:
    """Time of some calls."""
    synchronize = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description='Speed of a model with M RoIs and with one')
    parser.add_argument('mode', choices=('training', 'inference'))
    parser.add_argument('config')
    parser.add_argument(
        '--rois', type=int, nargs='+', default=[1, 5], help='numbers of RoIs; the first is compared to'
    )
    parser.add_argument('--batch-size', type=int, help='default: as in the config')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision in training, as in tools/train.py'
    )
    parser.add_argument('--rounds', type=int, default=5, help='the median of so many turns counts')
    parser.add_argument('--repeats', type=int, default=5, help='steps in a turn')
    parser.add_argument('--json', type=Path, help='write the figures here')
    args = parser.parse_args()
    config = Config.fromfile(args.config)
    init_default_scope(config.get('default_scope', 'mmroi'))
    if args.amp:
        use_amp(config)
    loader = config.train_dataloader if args.mode == 'training' else config.test_dataloader
    batch_size = args.batch_size or loader.batch_size
    crop_size = next(step.crop_size for step in loader.dataset.pipeline if step.type == 'MultiRoICrop')
    steps = {}
    for rois in args.rois:
        model = MODELS.build(with_rois(config.model, rois)).to(args.device)
        steps[rois] = step_of(args.mode, model, config, random_batch(batch_size, rois, tuple(crop_size)))
        seconds_for(steps[rois], 2)  # warm up
    turns = [[seconds_for(step, args.repeats) for step in steps.values()] for _ in range(args.rounds)]
    speed = dict(zip(args.rois, batch_size * args.repeats / np.median(turns, axis=0), strict=True))
    ratios = {rois: speed[rois] / speed[args.rois[0]] for rois in args.rois}
    for rois in args.rois:
        print(
            f'{args.mode}, M = {rois}: {speed[rois]:.1f} people/s, {ratios[rois]:.2f} of M = {args.rois[0]}'
        )
    if args.json:
        result = dict(
            config=args.config,
            mode=args.mode,
            device=args.device,
            batch_size=batch_size,
            amp=args.amp,
            crop_size=list(crop_size),
            people_per_second=speed,
            ratio=ratios,
        )
        args.json.write_text(json.dumps(result, indent=2), encoding='utf-8')


if __name__ == '__main__':
    run_tool(main)
