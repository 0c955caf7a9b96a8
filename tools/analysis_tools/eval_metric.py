"""Evaluates dumped predictions again, without the network.

``python tools/analysis_tools/eval_metric.py RESULTS.npz [RESULTS.npz ...] --protocol 3dpw --body-model DIR``

RESULTS come from a test with ``test_evaluator = [..., dict(type='DumpMeshResults', out_file='RESULTS.npz')]``.
Several files are compared with each other, in the tables and in the plots.
"""

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from mmroi.engine.body_model import add_body_argument
from mmroi.engine.launch import run_tool
from mmroi.evaluation import PROTOCOLS, MeshMetric, MeshResults, draw_bars, require_matplotlib


def evaluate(results: MeshResults, metric: MeshMetric, batch_size: int) -> dict[str, float]:
    """Run a metric over a file.

    Args:
        results: The file.
        metric: The metric; its neutral body model poses the predictions.
        batch_size: How many people at once.

    Returns:
        The metric's numbers.
    """
    with tqdm(total=len(results), desc=results.path.stem, unit=' people', disable=None) as bar:
        for batch in results.batches(metric.bodies.neutral, batch_size):
            metric.process(None, batch)
            bar.update(len(batch))
    return metric.evaluate(len(results))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Evaluate dumped predictions again, without the network')
    parser.add_argument('results', nargs='+', type=Path, help='npz files of DumpMeshResults')
    parser.add_argument('--protocol', required=True, choices=sorted(PROTOCOLS))
    parser.add_argument('--gt', choices=('smpl', 'dataset'), help='ground truth of h36m_p1 and h36m_p2')
    parser.add_argument(
        '--other-cameras',
        choices=('refuse', 'skip'),
        default='refuse',
        help='what h36m_p2 does with other cameras than its own',
    )
    add_body_argument(parser, 'the open body')
    parser.add_argument('--json', type=Path, help='write the numbers here')
    parser.add_argument('--tables', type=Path, help='folder for tables per joint and per action (CSV)')
    parser.add_argument('--plots', type=Path, help='folder for bar plots per joint and per action')
    parser.add_argument('--batch-size', type=int, default=256)
    args = parser.parse_args()
    if args.batch_size < 1:
        parser.error(f'--batch-size must be at least 1, not {args.batch_size}')
    if len({path.stem for path in args.results}) < len(args.results):
        parser.error('RESULTS must differ in their file names, which become the names in tables and plots')
    return args


def main() -> None:
    """Evaluates."""
    args = parse_args()
    if args.plots:
        require_matplotlib()
    numbers, tables = {}, {}
    for path in args.results:
        metric = MeshMetric(
            args.protocol,
            dict(type='SMPL', model_path=args.body_model),
            gt=args.gt,
            other_cameras=args.other_cameras,
            out_dir=str(args.tables / path.stem) if args.tables else None,
        )
        numbers[path.stem] = evaluate(MeshResults(path), metric, args.batch_size)
        tables[path.stem] = metric.tables
    width = max(map(len, numbers))
    for name, values in numbers.items():
        print(f'{name:{width}}  ' + '  '.join(f'{key} {value:.2f}' for key, value in values.items()))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(numbers, indent=2), encoding='utf-8')
    for kind in ('per_joint', 'per_action') if args.plots else ():
        if all(kind in table for table in tables.values()):
            draw_bars(
                {name: table[kind] for name, table in tables.items()},
                args.plots / f'{metric.protocol.name}_{kind}.png',
            )


if __name__ == '__main__':
    run_tool(main)
