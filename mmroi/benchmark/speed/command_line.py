"""Arguments, configs and tables that the speed tools share."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.engine.body_model import add_body_argument, check_body_model
from mmroi.engine.launch import add_config_arguments, read_config
from mmroi.engine.pipelines import CropSettings
from mmroi.fileio.atomic import atomic_write


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
    parser.add_argument('--device', type=torch.device, default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--threads', type=int, help="number of CPU threads (default: PyTorch's choice)")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, check that its numbers are positive, and set the number of threads."""
    args = parser.parse_args()
    for name, value in vars(args).items():
        numbers = value if isinstance(value, list) else [value]
        limit = 0 if name in ('seconds', 'num_workers') else 1
        if any(type(number) in (int, float) and number < limit for number in numbers):
            parser.error(f'--{name.replace("_", "-")} must be at least {limit}, not {value}')
    if getattr(args, 'cpu_time', False):
        if 'device' in args and args.device.type != 'cpu':
            parser.error(f'--cpu-time needs --device cpu, not {args.device}')
        args.threads = 1
    if getattr(args, 'threads', None):
        torch.set_num_threads(args.threads)
    return args


def load_config(args: argparse.Namespace) -> Config:
    """Read the config of the command line and make its scope the default.

    Args:
        args: ``config``, ``cfg_options`` and ``body_model``.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If the config, or a body model that it names, does not exist.
        ValueError: If the config has no model or no loader.
    """
    config = read_config(args)
    for key in ('model', 'train_dataloader', 'test_dataloader'):
        if not config.get(key):
            raise ValueError(f'config {args.config} has no `{key}`: give a config that tools/train.py runs')
    check_body_model(config, 'train', 'test')
    init_default_scope(config.get('default_scope', 'mmroi'))
    torch.backends.cudnn.benchmark = config.get('env_cfg', {}).get('cudnn_benchmark', False)  # as MMEngine
    return config


def crops_in_words(crops: CropSettings) -> str:
    """Say which crops are made, for the heading of a table."""
    height, width = crops.input_size
    return f'{"one crop" if crops.context_size else "crops"} of {height}x{width}'


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a Markdown table, see :func:`format_table`."""
    print(format_table(rows))


def format_table(rows: Sequence[dict[str, Any]]) -> str:
    """Format rows as a Markdown table, with three significant digits; None becomes a dash.

    Args:
        rows: At least one; all have the keys of the first.

    Returns:
        The lines of the table.
    """

    def text(value: Any) -> str:
        if not isinstance(value, float):
            return '–' if value is None else str(value)
        return f'{value:.0f}' if abs(value) >= 100 else f'{value:.3g}'

    cells = [list(rows[0])] + [[text(value) for value in row.values()] for row in rows]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [isinstance(value, int | float) for value in rows[0].values()]
    rule = ['-' * (width - 1) + (':' if right else '-') for width, right in zip(widths, numeric, strict=True)]
    lines = []
    for line in (cells[0], rule, *cells[1:]):
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append(f'| {" | ".join(padded)} |')
    return '\n'.join(lines)


def write_json(path: Path | None, /, **figures: Any) -> None:
    """Write figures to a file, if one is given."""
    if path:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(figures, indent=2, default=str), encoding='utf-8')
