"""Parameters and floating-point operations of each part of a network, with 1 to 9 RoIs.

    mmroi get-flops CONFIG [--rois 1 5] [--json FILE]

For one person, with the crops of CONFIG's test pipeline. torch's counter covers matrix products and
convolutions of the forward pass, and counts a multiply-add as two operations: half of the figures are the
multiply-adds that papers often call FLOPs. Normalization, activations and other pointwise work do not count.
Projector and heatmap head are only used in training and are not in the totals of ``inference``.
"""

import argparse
from dataclasses import replace

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import make_parser, parse


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--rois',
        type=int,
        nargs='+',
        default=[*range(1, 10)],
        metavar='M',
        help='default: those from 1 to 9 that the model supports',
    )
    return parse(parser)


def main() -> None:
    """Count and print the tables."""
    args = parse_args()
    from mmroi.benchmark.speed.command_line import crops_in_words, load_config, print_table, write_json
    from mmroi.benchmark.speed.flops import INFERENCE, TRAINING, measure_cost
    from mmroi.engine.pipelines import read_crops

    config = load_config(args)
    crops = read_crops(config)
    counted = [measure_cost(config.model, replace(crops, num_rois=rois)) for rois in args.rois]
    found = [row for row in counted if row is not None]
    if not found:
        raise ValueError(f'{args.config} takes none of --rois {" ".join(map(str, args.rois))}')
    print(f'{args.config}, one person, {crops_in_words(crops)}\n')
    for name, unit, scale in (('parameters', 'million parameters', 1e6), ('flops', 'GFLOPs', 1e9)):
        order = (*INFERENCE, 'inference', *TRAINING)
        print_table(
            [{'M': row['rois'], **{part: row[name][part] / scale for part in order}} for row in found]
        )
        print(f'({unit})\n')
    write_json(
        args.json, config=args.config, crop_size=crops.crop_size, context_size=crops.context_size, rows=found
    )


if __name__ == '__main__':
    run_tool(main)
