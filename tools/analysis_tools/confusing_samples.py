"""Finds the people that a network gets most wrong, in dumped predictions and without the network.

``python tools/analysis_tools/confusing_samples.py RESULTS.npz --protocol 3dpw [--metric PVE] [--topk 20]``

RESULTS.npz comes from ``tools/test.py CONFIG CHECKPOINT --out RESULTS.npz``. Writes ``worst.csv``, a picture of
each person and all of them in ``sheet.jpg``.
"""

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
from mmengine.structures import InstanceData
from tqdm import tqdm

from mmroi.datasets import LoadImage
from mmroi.engine.body_model import add_body_argument
from mmroi.engine.hooks.visualization_hook import LARGER_IS_BETTER, badness, describe
from mmroi.engine.launch import run_tool
from mmroi.evaluation import PROTOCOLS, MeshMetric, MeshResults
from mmroi.structures import HMRDataSample
from mmroi.visualization import MeshVisualizer, tile_images

ERRORS = (
    'MPJPE',
    'PA-MPJPE',
    'PVE',
    'orientation',
    'camera_translation',
    'depth',
    'camera_spread',
    *LARGER_IS_BETTER,
)


def rank(results: MeshResults, metric: MeshMetric, by: str, batch_size: int) -> list[tuple[int, dict]]:
    """Order people by an error, worst first.

    Args:
        results: Predictions and labels.
        metric: Finds the errors.
        by: Name of the error.
        batch_size: How many people at once.

    Returns:
        Row in the file and errors of each person who has the error.

    Raises:
        KeyError: If the protocol has no such error for the file.
    """
    with tqdm(total=len(results), unit=' people', disable=None) as bar:
        for batch in results.batches(metric.bodies.neutral, batch_size):
            metric.process(None, batch)
            bar.update(len(batch))
    rows = [{key: row[key] for key in ERRORS if key in row} for row in metric.results]
    found = dict.fromkeys(name for row in rows for name in row)
    if found and by not in found:
        raise KeyError(
            f'protocol "{metric.protocol.name}" finds no {by} in {results.path}; it finds {", ".join(found)}'
        )
    known = [(index, row) for index, row in enumerate(rows) if not math.isnan(row.get(by, math.nan))]
    return sorted(known, key=lambda item: -badness(by, item[1][by]))


def people(
    results: MeshResults, metric: MeshMetric, indices: Sequence[int], batch_size: int
) -> list[HMRDataSample]:
    """Data samples of some rows of a file, in the order asked for."""
    wanted = dict.fromkeys(indices)
    for number, batch in enumerate(results.batches(metric.bodies.neutral, batch_size)):
        for index, row in enumerate(batch, number * batch_size):
            if index in wanted:
                wanted[index] = _sample(row)
    return list(wanted.values())


def _sample(row: dict[str, Any]) -> HMRDataSample:
    sample = HMRDataSample(metainfo={key: row[key] for key in row if not key.endswith('_instances')})
    sample.pred_instances = InstanceData(**row['pred_instances'])
    sample.gt_instances = InstanceData(**row['gt_instances'])
    return sample


def write_table(path: Path, samples: Sequence[HMRDataSample], errors: Sequence[dict]) -> None:
    """Write who they are and all their errors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='', encoding='utf-8') as file:
        table = csv.writer(file)
        table.writerow(('rank', 'sample_idx', 'img_path', *errors[0]))
        for number, (sample, row) in enumerate(zip(samples, errors, strict=True), 1):
            figures = (f'{value:.2f}' for value in row.values())
            table.writerow((number, sample.sample_idx, sample.img_path, *figures))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Find the people with the largest errors')
    parser.add_argument('results', type=Path, help='npz of tools/test.py --out')
    parser.add_argument('--protocol', required=True, choices=sorted(PROTOCOLS))
    parser.add_argument('--gt', choices=('smpl', 'dataset'), help='ground truth of h36m_p1 and h36m_p2')
    parser.add_argument(
        '--other-cameras',
        choices=('refuse', 'skip'),
        default='refuse',
        help='what h36m_p2 does with other cameras than its own',
    )
    add_body_argument(parser, 'the open body')
    parser.add_argument(
        '--metric',
        default='MPJPE',
        choices=ERRORS,
        help='the error to order by; of PCK and AUC the smallest come first',
    )
    parser.add_argument('--topk', type=int, default=20, help='how many people')
    parser.add_argument('--out-dir', type=Path, help='default: work_dirs/confusing/RESULTS')
    parser.add_argument('--batch-size', type=int, default=256)
    args = parser.parse_args()
    for name in ('topk', 'batch_size'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1, not {getattr(args, name)}')
    args.out_dir = args.out_dir or Path('work_dirs', 'confusing', args.results.stem)
    return args


def main() -> None:
    """Ranks and draws."""
    args = parse_args()
    results = MeshResults(args.results)
    metric = MeshMetric(
        args.protocol,
        dict(type='SMPL', model_path=args.body_model),
        gt=args.gt,
        other_cameras=args.other_cameras,
    )
    worst = rank(results, metric, args.metric, args.batch_size)[: args.topk]
    if not worst:
        raise ValueError(f'{args.results}: nobody has a label for {args.metric}')
    errors = [row for _, row in worst]
    samples = people(results, metric, [index for index, _ in worst], args.batch_size)
    write_table(args.out_dir / 'worst.csv', samples, errors)
    visualizer, load, drawn = MeshVisualizer('confusing', metric.bodies.neutral), LoadImage(), []
    for number, (sample, row) in enumerate(zip(samples, errors, strict=True), 1):
        image = load(dict(img_path=str(sample.img_path)))['img']
        drawn.append(visualizer.draw_person(image, sample, text=describe(sample, row, args.metric)))
        cv2.imwrite(str(args.out_dir / f'{number:03d}_{Path(str(sample.img_path)).stem}.jpg'), drawn[-1])
        print(f'{number:4d}  ' + describe(sample, row, args.metric))
    sheet = tile_images(drawn, 2 if len(drawn) > 3 else 1, drawn[0].shape[0])
    cv2.imwrite(str(args.out_dir / 'sheet.jpg'), sheet)
    print(f'{len(drawn)} of {len(results)} people in {args.out_dir}, all in sheet.jpg and worst.csv')


if __name__ == '__main__':
    run_tool(main)
