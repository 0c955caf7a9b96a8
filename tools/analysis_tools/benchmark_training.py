"""Training speed: samples per second, share of the time spent waiting for data, and peak memory.

    mmroi benchmark-training CONFIG [--compare amp channels_last amp+with_cp]
                                                      [--rois 1 5] [--json FILE]

Whole training steps (forward, losses, backward, optimizer) with the loader, batch size and number of workers
of CONFIG. Variants take turns, so that their ratios to the first hold on a busy machine; each turn begins
with as many uncounted steps as the loader has batches ready. ``waiting`` is the share of time in which the
step had no batch: near 0 the network is the limit, above 0.1 give the loader more workers. With --cpu-time
the loader's workers, which are other processes, do not count in samples per second.
Where the files of CONFIG's dataset do not exist, synthetic images of 256x256 pixels are made.

Memory is that of weights and optimizer plus the peak of a step; on a CPU it is resident memory (Linux).
"""

import argparse
import tempfile
from pathlib import Path

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import (
    add_clock_argument,
    add_device_arguments,
    add_timing_arguments,
    make_parser,
    parse,
)
from mmroi.utils.choices import TRAINING_OPTIONS


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--compare',
        nargs='+',
        default=[],
        metavar='OPTION',
        help=f'also measure with each of these changes: {", ".join(TRAINING_OPTIONS)}, or several joined by '
        '+; an option of the encoder that CONFIG has is switched off',
    )
    parser.add_argument('--rois', type=int, nargs='+', metavar='M', help="default: CONFIG's")
    parser.add_argument('--batch-size', type=int, metavar='N', help="persons (default: CONFIG's)")
    parser.add_argument('--num-workers', type=int, help="of the loader (default: CONFIG's)")
    add_device_arguments(parser)
    add_timing_arguments(parser)
    add_clock_argument(parser)
    return parse(parser)


def main() -> None:
    """Measure and print the table."""
    args = parse_args()
    from mmengine.logging import MMLogger

    from mmroi.benchmark.speed.command_line import (
        crops_in_words,
        load_config,
        print_table,
        use_device,
        write_json,
    )
    from mmroi.benchmark.speed.timing import describe_machine
    from mmroi.benchmark.speed.training import (
        Trainee,
        endless_batches,
        measure_training,
        set_loader,
        with_options,
    )
    from mmroi.engine.pipelines import read_crops

    device = use_device(args)
    config = load_config(args)
    if 'optim_wrapper' not in config:
        raise ValueError(f'config {args.config} has no `optim_wrapper`: give one that mmroi train runs')
    set_loader(config, args.batch_size, args.num_workers)
    MMLogger.get_instance('mmengine', log_level='ERROR')
    machine = describe_machine(device)
    variants = dict([('as configured', config), *(with_options(config, text) for text in args.compare)])
    loader = config.train_dataloader
    settle = loader.num_workers * loader.get('prefetch_factor', 2)
    with tempfile.TemporaryDirectory() as folder:
        trainees = {}
        for rois in args.rois or [read_crops(loader).num_rois]:
            batches = iter(endless_batches(config, rois, Path(folder)))
            for name, changed in variants.items():
                trainees[name, rois] = Trainee(changed, rois, batches, device)
        rows = measure_training(trainees, loader.batch_size, settle, args.seconds, args.rounds, args.cpu_time)
        del trainees, batches  # ends the workers before their images are removed
    crops = read_crops(loader)
    print(
        f'{args.config}: batches of {loader.batch_size} persons, {crops_in_words(crops)}, '
        f'{loader.num_workers} workers'
    )
    print_table(rows)
    write_json(
        args.json,
        config=args.config,
        machine=machine,
        batch_size=loader.batch_size,
        num_workers=loader.num_workers,
        cpu_time=args.cpu_time,
        crop_size=crops.crop_size,
        context_size=crops.context_size,
        rows=rows,
    )


if __name__ == '__main__':
    run_tool(main)
