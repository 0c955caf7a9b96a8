"""Evaluate saved predictions again, without the network.

``mmroi eval-metric RESULTS.npz [RESULTS.npz ...] --protocol 3dpw --body-model DIR``

``mmroi test CONFIG CHECKPOINT --out RESULTS.npz`` writes RESULTS. Tables and plots compare several files.
"""

import argparse
import json
from pathlib import Path

from mmroi.cli.arguments import add_metric_arguments
from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Evaluate saved predictions again, without the network')
    parser.add_argument('results', nargs='+', type=Path, help='npz files of mmroi test --out')
    add_metric_arguments(parser)
    parser.add_argument(
        '--paired',
        action='store_true',
        help='also compare each file with the first person by person: errors in 3D and in the image, and how '
        'many people are worse',
    )
    parser.add_argument('--json', type=Path, help='write the metrics to this file')
    parser.add_argument('--tables', type=Path, help='folder for tables per joint and per action (CSV)')
    parser.add_argument('--plots', type=Path, help='folder for bar plots per joint and per action')
    args = parser.parse_args()
    if len({path.stem for path in args.results}) < len(args.results):
        parser.error('RESULTS must differ in their file names, which become the names in tables and plots')
    return args


def main() -> None:
    """Evaluate every file."""
    args = parse_args()
    from mmroi.evaluation import MeshResults, draw_bars, require_matplotlib
    from mmroi.evaluation.command_line import build_metric
    from mmroi.evaluation.paired import compare_results
    from mmroi.fileio.atomic import atomic_write

    if args.plots:
        require_matplotlib()
    values, tables = {}, {}
    for path in args.results:
        metric = build_metric(args, out_dir=str(args.tables / path.stem) if args.tables else None)
        values[path.stem] = MeshResults(path).evaluate(metric, args.batch_size, progress=True)
        tables[path.stem] = metric.tables
    width = max(map(len, values))
    for name, row in values.items():
        print(f'{name:{width}}  ' + '  '.join(f'{key} {value:.2f}' for key, value in row.items()))
    for path in args.results[1:] if args.paired else ():
        print(f'{args.results[0].stem} -> {path.stem}')
        print('\n'.join(compare_results(args.results[0], path, build_metric(args)).lines()))
    if args.json:
        with atomic_write(args.json) as file:
            file.write_text(json.dumps(values, indent=2), encoding='utf-8')
    for kind in ('per_joint', 'per_action') if args.plots else ():
        if all(kind in table for table in tables.values()):
            draw_bars(
                {name: table[kind] for name, table in tables.items()},
                args.plots / f'{metric.protocol.name}_{kind}.png',
            )


if __name__ == '__main__':
    run_tool(main)
