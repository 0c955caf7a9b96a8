"""Measure how long the metric takes for a whole test set, without the network.

``mmroi benchmark-metric [--people 35515] [--protocol 3dpw] [--json FILE]``

The people are random: a pool of predictions and annotations of both genders is evaluated repeatedly, in
batches as a loader yields them. ``online`` is the time that ``MeshMetric`` adds to a test. ``offline`` is the
time to evaluate saved results, which includes posing the predictions. The default number of people is that of
3DPW's test set.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmroi.cli.arguments import positive_int
from mmroi.cli.running import run_tool
from mmroi.utils.choices import PROTOCOLS

if TYPE_CHECKING:
    import torch
    from mmengine.evaluator import BaseMetric

    from mmroi.body_models import SMPL


def make_pool(body_model: SMPL, count: int, num_rois: int = 5) -> list[dict[str, Any]]:
    """Make random predictions and annotations.

    Args:
        body_model: Poses the predictions.
        count: Number of people.
        num_rois: M.

    Returns:
        Data samples in the form in which a metric receives them.
    """
    import numpy as np
    import torch
    from mmengine.structures import InstanceData

    from mmroi.geometry import axis_angle_to_matrix
    from mmroi.structures import HMRDataSample, Predictions

    rng = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(count, 1, *shape, generator=rng)

    front = torch.tensor([0.0, 0.0, 5.0])
    annotation = dict(
        global_orient=normal(3), body_pose=normal(23, 3), betas=normal(10), pelvis=normal(3) + front
    )
    annotation['keypoints3d'] = torch.cat([normal(54, 3), torch.ones(count, 1, 54, 1)], dim=-1)
    annotation |= {f'has_{name}': torch.ones(count, 1) for name in ('smpl', 'keypoints3d', 'transl')}
    turn = axis_angle_to_matrix(annotation['global_orient'] + 0.1 * normal(3))
    pose = axis_angle_to_matrix(annotation['body_pose'] + 0.1 * normal(23, 3))
    betas = normal(10)[:, 0]
    cameras = [normal(num_rois, 3), normal(num_rois, 3) + front, normal(3) + front]
    rotations = torch.cat([turn[:, :, None], pose], dim=2)[:, 0]
    body = body_model(rotations[:, :1], rotations[:, 1:], betas)
    predictions = Predictions.from_body(rotations, betas, body, *(camera[:, 0] for camera in cameras))
    samples = []
    for i, instances in enumerate(predictions.split()):
        sample = HMRDataSample(
            metainfo=dict(
                sample_idx=i,
                img_path=f'{i}.jpg',
                gender='mf'[i % 2],
                boxes=np.zeros((num_rois, 3)),
                focal_length=1.0,
            )
        )
        sample.gt_instances = InstanceData(**{key: value[i] for key, value in annotation.items()})
        sample.pred_instances = instances
        samples.append(sample.to_dict())
    return samples


def seconds_of(function: Callable[[], object]) -> float:
    """Measure the time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def run_online(metric: BaseMetric, pool: list[dict[str, Any]], people: int, batch_size: int) -> None:
    """Evaluate a number of people by cycling through the pool."""
    for start in range(0, people, batch_size):
        metric.process(None, [pool[i % len(pool)] for i in range(start, min(start + batch_size, people))])
    metric.evaluate(people)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description='Measure the time of the metric for a whole test set')
    parser.add_argument('--people', type=positive_int, default=35515)
    parser.add_argument('--protocol', default='3dpw', choices=PROTOCOLS)
    parser.add_argument('--batch-size', type=positive_int, default=64)
    parser.add_argument('--threads', type=positive_int, default=2)
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    import torch

    from mmroi.body_models.body_files import OPEN_BODY
    from mmroi.evaluation import DumpMeshResults, MeshMetric, MeshResults
    from mmroi.fileio.atomic import atomic_write

    torch.set_num_threads(args.threads)
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for gender in ('NEUTRAL', 'MALE', 'FEMALE'):  # as large as SMPL's files, and as slow
            shutil.copy(OPEN_BODY, Path(folder) / f'SMPL_{gender}.npz')
        metric = MeshMetric(args.protocol, dict(type='SMPL', model_path=folder))
        with torch.no_grad():
            pool = make_pool(metric.bodies.neutral, 8 * args.batch_size)
        run_online(metric, pool, args.batch_size, args.batch_size)  # warm up
        dump = DumpMeshResults(str(Path(folder) / 'results.npz'))
        for name, online in dict(online=metric, dump=dump).items():
            seconds[name] = seconds_of(partial(run_online, online, pool, args.people, args.batch_size))
        results = MeshResults(dump.out_file)
        size = Path(dump.out_file).stat().st_size / 2**20
        seconds['offline'] = seconds_of(partial(results.evaluate, metric))
    for name, value in seconds.items():
        print(f'{name}: {value:.1f} s for {args.people} people ({1e3 * value / args.people:.2f} ms each)')
    print(f'results file: {size:.0f} MiB')
    if args.json:
        figures = dict(vars(args), seconds=seconds, file_mib=size)
        with atomic_write(args.json) as file:
            file.write_text(json.dumps(figures, indent=2, default=str), encoding='utf-8')


if __name__ == '__main__':
    run_tool(main)
