"""Frames per second, latency and memory of a network for M = 1 to 9 RoIs, beside CLIFF and HMR.

    python tools/analysis_tools/benchmark_inference.py CONFIG [--rois 1 5] [--batch-sizes 1] [--json FILE]

All variants take turns, so that their ratios hold on a busy machine. A frame shows one person. What counts:
uint8 crops in memory are moved to the device, normalized, run through network and body model, and given out
as data samples. With --from-photo, each frame is also read from its file, decoded and cropped by the config's
test pipeline, one after the other in this process; that does not overlap with the network, as it would in a
loader. CLIFF and HMR are those of this project, with the encoder of CONFIG.

Memory is that of weights and buffers and of a step's peak on top; on a CPU it is resident memory (Linux).
Compiled is the network without the body model, which smplx writes as a loop that torch.compile cannot follow;
it takes up to minutes for each variant and, on a CPU, a C++ compiler. The ratio is that of frames per
second to M = 1 (the first of --rois) with the same batch size, precision and mode, as in the paper's Table 4.
"""

import argparse
import copy
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from torch import nn

from mmroi.apis.init_model import load_weights
from mmroi.benchmark.speed.command_line import (
    add_clock_argument,
    add_device_arguments,
    add_frame_argument,
    add_timing_arguments,
    load_config,
    make_parser,
    parse,
    print_table,
    write_json,
)
from mmroi.benchmark.speed.networks import (
    baselines,
    build_for_rois,
    prediction_step,
    random_batch,
)
from mmroi.benchmark.speed.pipelines import read_people, usable_dataset
from mmroi.benchmark.speed.timing import (
    describe_machine,
    held_memory,
    latency,
    step_memory,
    take_turns,
    typical,
)
from mmroi.engine.amp import has_fast_bfloat16
from mmroi.engine.launch import run_tool
from mmroi.engine.pipelines import find_pipeline, read_crops, set_crops


class Variant(NamedTuple):
    """What is measured."""

    network: str
    rois: int
    batch: int
    precision: str
    mode: str


def parse_args() -> argparse.Namespace:
    """Read the command line."""
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
        '--modes', nargs='+', choices=('eager', 'compiled'), default=['eager'], help='default: eager'
    )
    parser.add_argument('--no-baselines', action='store_true', help='leave CLIFF and HMR out')
    parser.add_argument('--from-photo', action='store_true', help='include decoding and cropping')
    add_frame_argument(parser, [1920, 1080])
    add_device_arguments(parser)
    add_timing_arguments(parser)
    add_clock_argument(parser)
    return parse(parser)


def build_networks(args: argparse.Namespace, config: Config) -> dict[tuple[str, int], nn.Module]:
    """The models by name and number of RoIs; all have the same encoder.

    Raises:
        ValueError: The config's model is made for none of the numbers.
    """
    own = read_crops(config).num_rois
    models = {}
    for rois in dict.fromkeys(args.rois):
        model = build_for_rois(config.model, rois)
        if model is None:
            print(f'{args.config} is not made for M = {rois}, which is left out.')
        else:
            models[Path(args.config).stem, rois] = model
    if not models:
        raise ValueError(f'{args.config} takes none of --rois {" ".join(map(str, args.rois))}')
    name, first = next(iter(models))
    encoder = models[name, first].encoder
    if args.weights:
        trained = models.get((name, own)) or build_for_rois(config.model, own)
        load_weights(trained, args.weights)
        encoder = trained.encoder  # fusion and head of another M than the checkpoint's stay untrained
    if not args.no_baselines:
        for baseline, model_config in baselines(config.model, encoder.out_channels).items():
            models[baseline, 1] = build_for_rois(model_config, 1)
    for model in models.values():
        model.encoder = encoder
        model.to(args.device).eval()
    return models


def make_batches(args: argparse.Namespace, config: Config, folder: Path) -> Callable[[int, int], dict]:
    """A function that gives a batch of N persons with M crops: the same in memory, or from their photos."""
    loader = config.test_dataloader
    if not args.from_photo:
        ready = {}

        def batch(size: int, rois: int) -> dict:
            if (size, rois) not in ready:
                ready[size, rois] = random_batch(size, rois, read_crops(loader).crop_size)
            return ready[size, rois]

        return batch
    dataset = usable_dataset(loader.dataset, folder)
    people = read_people(dataset, max(args.batch_sizes), folder, args.frame)
    pipelines = {}
    for rois in {1, *args.rois}:
        changed = copy.deepcopy(dataset)
        set_crops(changed, num_rois=rois)
        pipelines[rois] = Compose(find_pipeline(changed))

    def decode(size: int, rois: int) -> dict:
        packed = [pipelines[rois](copy.deepcopy(people[i % len(people)])) for i in range(size)]
        return {key: [sample[key] for sample in packed] for key in packed[0]}

    return decode


def make_step(
    variant: Variant, model: nn.Module, batches: Callable[[int, int], dict], device: torch.device
) -> Callable[[], object]:
    """The call that is measured."""
    if variant.mode == 'compiled':
        model = copy.copy(model)  # the same weights, another function
        model.regress = torch.compile(model.regress, dynamic=False)
    return prediction_step(
        model, lambda: batches(variant.batch, variant.rois), device, bf16=variant.precision == 'bf16'
    )


def raise_compile_limit(count: int) -> None:
    """Let a function be compiled so often; beyond the limit torch would go on eagerly without a word."""
    for name in ('cache_size_limit', 'recompile_limit'):  # before and since torch 2.6
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, max(count, getattr(torch._dynamo.config, name)))


def measure(
    variants: dict[Variant, Callable[[], object]], held: dict[Variant, float], args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Warm all variants up, and lets them take turns.

    Args:
        variants: Their steps.
        held: MiB of their weights.
        args: Of the command line.

    Returns:
        A row for each.
    """
    peaks = {}
    for variant, step in variants.items():
        step()
        on_top = step_memory(step, args.device)
        peaks[variant] = None if on_top is None else held[variant] + on_top
    turns = take_turns(variants, args.device, args.seconds, args.rounds, args.cpu_time)
    speed = {variant: variant.batch / typical(turns[variant]) for variant in variants}
    rows = []
    for variant in variants:
        own = [v for v in variants if v.network == next(iter(variants)).network and v[2:] == variant[2:]]
        rows.append(
            dict(
                variant._asdict(),
                frames_per_second=speed[variant],
                ratio=speed[variant] / speed[own[0]],
                **latency(turns[variant]),
                peak_mib=peaks[variant],
            )
        )
    return rows


def main() -> None:
    """Measures."""
    args = parse_args()
    config = load_config(args)
    if 'bf16' in args.precisions and args.device.type == 'cpu' and not has_fast_bfloat16():
        print('This CPU emulates bf16: it will be slower than fp32.')
    machine = describe_machine(args.device)
    with tempfile.TemporaryDirectory() as folder:
        models = build_networks(args, config)
        batches = make_batches(args, config, Path(folder))
        variants, held = {}, {}
        for batch, precision, mode in itertools.product(args.batch_sizes, args.precisions, args.modes):
            for (network, rois), model in models.items():
                variant = Variant(network, rois, batch, precision, mode)
                variants[variant] = make_step(variant, model, batches, args.device)
                held[variant] = held_memory(model)
        raise_compile_limit(sum(variant.mode == 'compiled' for variant in variants))
        rows = measure(variants, held, args)
    print_table(rows)
    crop_size = read_crops(config).crop_size
    write_json(
        args.json,
        config=args.config,
        crop_size=crop_size,
        from_photo=args.from_photo,
        frame=args.frame if args.from_photo else None,
        machine=machine,
        cpu_time=args.cpu_time,
        rows=rows,
    )


if __name__ == '__main__':
    run_tool(main)
