"""People per second that one loader worker prepares, beside other ways to do it.

    mmroi benchmark-dataloader CONFIG [--frame 1920 1080] [--json FILE]

Everything runs in one thread, in turns, on the same people:

  decode               OpenCV decodes the image, nothing else
  decode + crops       and cuts M crops out of it; boxes and matrices are given: a lower bound
  pipeline             the whole training pipeline of CONFIG, with augmentation, boxes, labels and packing
  pipeline, reduce=True
                       the same with LoadImage(reduce=True): JPEGs at 1/2, 1/4 or 1/8 where no crop needs more
  plain pipeline       what many projects do: for each of the M crops the image is decoded again and the whole
                       frame normalized in floating point; boxes and matrices are given
  MMPose's top-down pipeline, for each crop
                       MMPose's own transforms, if it is installed (pip install --no-deps mmpose, json_tricks,
                       munkres, xtcocotools): LoadImage, GetBBoxCenterScale, RandomFlip, RandomBBoxTransform,
                       TopdownAffine, GenerateTarget, PackPoseInputs; they make one crop, so they run M times
  decode + MultiRoICrop's crops, and the same from an image decoded at half size: for those people whose crops
                       are all downscaled at least by half, so that they need no full frame

The images are those of the config, or synthetic ones where its files do not exist.
"""

import argparse
import tempfile
from pathlib import Path

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import (
    add_clock_argument,
    add_frame_argument,
    add_timing_arguments,
    make_parser,
    parse,
)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(__doc__)
    add_frame_argument(parser, None)
    parser.add_argument('--samples', type=int, default=32, help='people (default: 32)')
    add_timing_arguments(parser)
    add_clock_argument(parser)
    return parse(parser)


def main() -> None:
    """Measure and print the table."""
    args = parse_args()
    import cv2
    import torch

    from mmroi.benchmark.speed.command_line import load_config, print_table, write_json
    from mmroi.benchmark.speed.datasets import usable_dataset
    from mmroi.benchmark.speed.loading import LoadingBenchmark
    from mmroi.benchmark.speed.timing import describe_machine, take_turns

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    config = load_config(args)
    device = torch.device('cpu')
    machine = describe_machine(device)
    with tempfile.TemporaryDirectory() as folder:
        dataset = usable_dataset(config.train_dataloader.dataset, Path(folder))
        benchmark = LoadingBenchmark(dataset, args.samples, Path(folder), args.frame)
        calls = benchmark.calls()
        for call in calls.values():
            call()
        turns = take_turns(calls, device, args.seconds, args.rounds, args.cpu_time)
        difference = benchmark.half_size_difference()
        image_kib = benchmark.image_kib()
    rows = benchmark.summarize(turns)
    people, size = len(benchmark.views), (benchmark.image_width, benchmark.image_height)
    rois, share = len(benchmark.views[0].matrices), len(benchmark.small) / people
    height, width = benchmark.views[0].crop_size
    print(
        f'One worker; images of {size[0]}x{size[1]}, {image_kib:.0f} KiB; {rois} crops of '
        f'{height}x{width} for each of {people} people.'
    )
    print_table(rows)
    text = f'{share:.0%} of the people need no full frame.'
    if difference is not None:
        text += f' Their crops from half size differ by {difference:.2f} of 255 gray levels on average.'
    print(text)
    write_json(
        args.json,
        config=args.config,
        machine=machine,
        cpu_time=args.cpu_time,
        frame=size,
        photo_kib=image_kib,
        rois=rois,
        crop_size=[height, width],
        people=people,
        rows=rows,
        half_size_share=share,
        half_size_difference=difference,
    )


if __name__ == '__main__':
    run_tool(main)
