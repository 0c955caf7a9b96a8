"""Frames per second, latency and memory of a network with 1 to 9 RoIs, beside CLIFF and HMR.

    mmroi benchmark-inference CONFIG [--rois 1 5] [--batch-sizes 1] [--json FILE]

All variants take turns, so that their ratios hold on a busy machine. A frame shows one person. By default a
step starts from uint8 crops in memory, which are moved to the device, normalized, run through network and
body model, and returned as data samples. With --from-photo, a step also reads, decodes and crops each image
with the config's test pipeline, one after the other in this process; this does not overlap with the network,
as it would in a loader. CLIFF and HMR are those of this project, with the encoder of CONFIG. --beside
measures the networks of other configs in the same turns, each with its own crops, such as one for all RoIs.

Memory is that of weights and buffers plus the peak of a step; on a CPU it is resident memory (Linux).
--modes takes eager, or changes of it joined by +, such as channels_last+compiled. channels_last: memory
layout of the convolutions. folded: BatchNorm folded into them. compiled: network and body model by
torch.compile, which takes up to minutes for each variant and, on a CPU, needs a C++ compiler. cuda-graphs:
all kernels are launched together.

The ratio compares frames per second with the first of --rois at the same batch size, precision and mode, as
the paper's Table 4 does. On a GPU, fp32 is PyTorch's default: convolutions may compute in TF32.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import (
    add_clock_argument,
    add_device_arguments,
    add_frame_argument,
    add_timing_arguments,
    make_parser,
    parse,
)
from mmroi.utils.choices import EAGER, MODES

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmroi.benchmark.speed.inference import MakeBatch


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('--weights', help='checkpoint of CONFIG (default: untrained, which is as fast)')
    parser.add_argument(
        '--rois', type=int, nargs='+', default=[*range(1, 10)], metavar='M', help='default: 1 to 9'
    )
    parser.add_argument(
        '--batch-sizes', type=int, nargs='+', default=[1, 32], metavar='N', help='persons (default: 1 32)'
    )
    parser.add_argument(
        '--precisions',
        nargs='+',
        choices=('fp32', 'bf16'),
        default=['fp32'],
        help='bf16: under autocast, as test.py would run it (default: fp32)',
    )
    parser.add_argument(
        '--modes',
        nargs='+',
        default=[EAGER],
        metavar='MODE',
        help=f'{EAGER}, or {", ".join(MODES)} joined by + (default: {EAGER})',
    )
    parser.add_argument(
        '--compile-cost',
        action='store_true',
        help='compile as --compile of mmroi demo does, into an empty folder: adds the seconds that it takes '
        '(compile_s), and the number of people from which it pays (pays_from), beside the same mode without',
    )
    parser.add_argument('--no-baselines', action='store_true', help='skip CLIFF and HMR')
    parser.add_argument(
        '--beside', nargs='+', default=[], metavar='CONFIG', help='more configs, with the same --rois'
    )
    parser.add_argument('--from-photo', action='store_true', help='include reading, decoding and cropping')
    add_frame_argument(parser, [1920, 1080])
    add_device_arguments(parser)
    add_timing_arguments(parser)
    add_clock_argument(parser)
    return parse(parser)


def _batches(config: Config, args: argparse.Namespace, folder: Path) -> MakeBatch:
    from mmroi.benchmark.speed.inference import batches_from_images, batches_in_memory
    from mmroi.engine.pipelines import read_crops

    if args.from_photo:
        return batches_from_images(config, args.rois, max(args.batch_sizes), folder, args.frame)
    return batches_in_memory(read_crops(config))


def main() -> None:
    """Measure and print the table."""
    args = parse_args()
    from mmroi.benchmark.speed.command_line import load_config, print_table, use_device, write_json
    from mmroi.benchmark.speed.inference import build_networks, make_steps, measure_inference
    from mmroi.benchmark.speed.modes import parse_mode
    from mmroi.benchmark.speed.timing import describe_machine
    from mmroi.engine.amp import has_fast_bfloat16
    from mmroi.engine.pipelines import read_crops

    for mode in args.modes:
        parse_mode(mode)
    device = use_device(args)
    config = load_config(args)
    if 'bf16' in args.precisions and device.type == 'cpu' and not has_fast_bfloat16():
        print('This CPU emulates bf16: it will be slower than fp32.')
    machine = describe_machine(device)
    with tempfile.TemporaryDirectory() as folder:
        if args.compile_cost:
            os.environ['TORCHINDUCTOR_CACHE_DIR'] = str(Path(folder, 'compiled'))
        networks = dict(build_networks(config, args.rois, device, args.weights, not args.no_baselines))
        batches = dict.fromkeys([name for name, _ in networks], _batches(config, args, Path(folder)))
        for path in args.beside:
            other = load_config(argparse.Namespace(**{**vars(args), 'config': path}))
            built = build_networks(other, args.rois, device, with_baselines=False)
            if repeated := built.keys() & networks.keys():
                raise ValueError(f'--beside: {path} has the name of another network, {min(repeated)[0]}')
            networks |= built
            batches |= dict.fromkeys([name for name, _ in built], _batches(other, args, Path(folder)))
        measured = args.batch_sizes, args.precisions, args.modes
        steps = make_steps(networks, batches, device, *measured, any_batch_size=args.compile_cost)
        timing = args.seconds, args.rounds, args.cpu_time
        rows = measure_inference(networks, steps, device, *timing, compile_cost=args.compile_cost)
    print_table(rows)
    crops = read_crops(config)
    write_json(
        args.json,
        config=args.config,
        beside=args.beside,
        crop_size=crops.crop_size,
        context_size=crops.context_size,
        from_photo=args.from_photo,
        frame=args.frame if args.from_photo else None,
        machine=machine,
        cpu_time=args.cpu_time,
        rows=rows,
    )


if __name__ == '__main__':
    run_tool(main)
