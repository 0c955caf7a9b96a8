"""CPU time, in one thread, of each kind of drawing and mesh file of an image.

    mmroi benchmark-pictures [--people 3] [--frame 1920 1080] [--out FOLDER]

The image shows people with the open body side by side, each as tall as the frame. Other work on the machine
hardly changes the figures, because only the CPU time of this process counts.
"""

import argparse
import tempfile
from pathlib import Path

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import add_frame_argument, add_timing_arguments, make_parser, parse


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(__doc__, with_config=False)
    parser.add_argument('--people', type=int, default=3, help='number of people in the image (default: 3)')
    add_frame_argument(parser, [1920, 1080])
    add_timing_arguments(parser)
    parser.add_argument('--out', type=Path, help='keep the drawings and mesh files in this folder')
    return parse(parser)


def main() -> None:
    """Measure and print the table."""
    args = parse_args()
    import cv2
    import numpy as np
    import torch

    from mmroi.benchmark.speed.command_line import print_table, write_json
    from mmroi.benchmark.speed.drawing import drawing_calls
    from mmroi.benchmark.speed.memory import step_memory
    from mmroi.benchmark.speed.timing import describe_machine, latency, take_turns
    from mmroi.fileio.image_writing import write_image

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    device = torch.device('cpu')
    machine = describe_machine(device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        width, height = args.frame
        calls = drawing_calls(args.people, width, height, folder)
        for name, call in calls.items():
            drawn = call()
            if isinstance(drawn, np.ndarray):
                write_image(folder / f'{name.replace(" ", "_")}.png', drawn)
        turns = take_turns(calls, device, args.seconds, args.rounds, cpu_time=True)
        rows = [
            dict(what=name, **latency(turns[name]), peak_mib=step_memory(call, device))
            for name, call in calls.items()
        ]
    print(f'{args.people} people in {width}x{height} pixels; CPU time of one thread.')
    print_table(rows)
    write_json(args.json, machine=machine, people=args.people, frame=args.frame, rows=rows)


if __name__ == '__main__':
    run_tool(main)
