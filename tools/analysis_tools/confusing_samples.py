"""Find the people with the largest errors in saved predictions, without the network.

``mmroi confusing-samples RESULTS.npz --protocol 3dpw [--metric PVE] [--topk 20]``

``mmroi test CONFIG CHECKPOINT --out RESULTS.npz`` writes RESULTS.npz. This tool writes ``worst.csv``, an
image of each person, and ``sheet.jpg`` with all of them.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.arguments import add_metric_arguments, positive_int
from mmroi.cli.running import run_tool

if TYPE_CHECKING:
    from mmroi.evaluation import MeshMetric, MeshResults
    from mmroi.structures import HMRDataSample

Errors = dict[str, float]


def rank(results: MeshResults, metric: MeshMetric, by: str, batch_size: int) -> list[tuple[int, Errors]]:
    """Order people by a metric, the worst first.

    Args:
        results: Predictions and annotations.
        metric: Computes the errors.
        by: Name of the metric to order by.
        batch_size: Number of people per batch.

    Returns:
        Row in the file and errors of each person whose annotation allows this metric.

    Raises:
        KeyError: If the protocol has no such metric for the file.
    """
    from mmroi.evaluation import MESH_METRICS

    results.process(metric, batch_size, progress=True)
    rows = [{name: row[name] for name in MESH_METRICS if name in row} for row in metric.results]
    found = dict.fromkeys(name for row in rows for name in row)
    if found and by not in found:
        raise KeyError(
            f'protocol "{metric.protocol.name}" has no {by} for {results.path}; it has {", ".join(found)}'
        )
    known = [(index, row) for index, row in enumerate(rows) if not math.isnan(row.get(by, math.nan))]
    return sorted(known, key=lambda item: -MESH_METRICS[by].badness(item[1][by]))


def write_table(path: Path, samples: Sequence[HMRDataSample], errors: Sequence[Errors]) -> None:
    """Write who they are and all their errors."""
    from mmroi.fileio.atomic import atomic_write

    with atomic_write(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        table = csv.writer(file)
        table.writerow(('rank', 'sample_idx', 'img_path', *errors[0]))
        for number, (sample, row) in enumerate(zip(samples, errors, strict=True), 1):
            values = (f'{value:.2f}' for value in row.values())
            table.writerow((number, sample.sample_idx, sample.img_path, *values))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Find the people with the largest errors')
    parser.add_argument('results', type=Path, help='npz of mmroi test --out')
    add_metric_arguments(parser)
    parser.add_argument(
        '--metric',
        default='MPJPE',
        metavar='NAME',
        help='the metric to order by: MPJPE, PVE, orientation, ...; for PCK and AUC the smallest come first',
    )
    parser.add_argument('--topk', type=positive_int, default=20, help='number of people')
    parser.add_argument('--out-dir', type=Path, help='default: work_dirs/confusing/RESULTS')
    args = parser.parse_args()
    args.out_dir = args.out_dir or Path('work_dirs', 'confusing', args.results.stem)
    return args


def main() -> None:
    """Rank and draw."""
    args = parse_args()
    from mmroi.datasets import LoadImage
    from mmroi.engine.hooks.visualization_hook import describe
    from mmroi.evaluation import MeshResults
    from mmroi.evaluation.command_line import build_metric
    from mmroi.fileio.image_writing import write_image
    from mmroi.visualization import MeshVisualizer, tile_images

    results, metric = MeshResults(args.results), build_metric(args)
    worst = rank(results, metric, args.metric, args.batch_size)[: args.topk]
    if not worst:
        raise ValueError(f'{args.results}: nobody has an annotation for {args.metric}')
    errors = [row for _, row in worst]
    body_model = metric.bodies.neutral
    samples = results.data_samples(body_model, [index for index, _ in worst], args.batch_size)
    write_table(args.out_dir / 'worst.csv', samples, errors)
    visualizer, load, drawn = MeshVisualizer('confusing', body_model), LoadImage(), []
    for number, (sample, row) in enumerate(zip(samples, errors, strict=True), 1):
        image = load(dict(img_path=str(sample.img_path)))['img']
        drawn.append(visualizer.draw_person(image, sample, text=describe(sample, row, args.metric)))
        write_image(args.out_dir / f'{number:03d}_{Path(str(sample.img_path)).stem}.jpg', drawn[-1])
        print(f'{number:4d}  ' + describe(sample, row, args.metric))
    sheet = tile_images(drawn, 2 if len(drawn) > 3 else 1, drawn[0].shape[0])
    write_image(args.out_dir / 'sheet.jpg', sheet)
    print(f'{len(drawn)} of {len(results)} people in {args.out_dir}, all in sheet.jpg and worst.csv')


if __name__ == '__main__':
    run_tool(main)
