"""Arguments of the tools that measure speed."""

import argparse
from pathlib import Path

from mmroi.cli.arguments import add_body_argument, add_config_arguments


def make_parser(description: str | None, with_config: bool = True) -> argparse.ArgumentParser:
    """Build a parser with the arguments of all speed tools.

    Args:
        description: Help text, printed as it is.
        with_config: Add ``config``, ``--cfg-options`` and ``--body-model``.

    Returns:
        The parser.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if with_config:
        add_config_arguments(parser)
        add_body_argument(parser)
    parser.add_argument('--json', type=Path, help='also write the figures to this file')
    return parser


def add_timing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tools that measure time."""
    parser.add_argument(
        '--seconds', type=float, default=2, help='length of a turn, at least one call (default: 2)'
    )
    parser.add_argument(
        '--rounds', type=int, default=5, help='turns per variant; the median is reported (default: 5)'
    )


def add_clock_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--cpu-time``."""
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='measure the CPU time of this process in one thread, which other jobs hardly change',
    )


def add_frame_argument(parser: argparse.ArgumentParser, default: list[int] | None) -> None:
    """Add ``--frame``, the size of the images."""
    parser.add_argument(
        '--frame',
        type=int,
        nargs=2,
        metavar=('WIDTH', 'HEIGHT'),
        default=default,
        help='scale the images to this size first, such as 1920 1080 '
        f'(default: {" ".join(map(str, default)) if default else "their own size"})',
    )


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tools that run a network."""
    parser.add_argument('--device', help='such as cuda:0 or cpu (default: the GPU if there is one)')
    parser.add_argument('--threads', type=int, help="number of CPU threads (default: PyTorch's choice)")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, and check that its numbers are positive and its clock fits the device."""
    args = parser.parse_args()
    for name, value in vars(args).items():
        numbers = value if isinstance(value, list) else [value]
        limit = 0 if name in ('seconds', 'num_workers') else 1
        if any(type(number) in (int, float) and number < limit for number in numbers):
            parser.error(f'--{name.replace("_", "-")} must be at least {limit}, not {value}')
    if getattr(args, 'cpu_time', False):
        if getattr(args, 'device', None) not in (None, 'cpu'):
            parser.error(f'--cpu-time needs --device cpu, not {args.device}')
        args.device, args.threads = 'cpu', 1
    return args
