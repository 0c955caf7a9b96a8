"""Arguments that many tools share."""

import argparse
import math

from mmroi.cli.config_options import ConfigOptions
from mmroi.utils.choices import GROUND_TRUTHS, LAUNCHERS, OPEN, PROTOCOLS


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``config`` and ``--cfg-options``, which mean the same to every tool."""
    parser.add_argument('config', help='path of the config, or its name in this project')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help='override entries of the config, such as train_dataloader.batch_size=32; values are numbers, '
        "text, or Python's lists and dicts, such as \"custom_hooks=[dict(type='EMAHook')]\"",
    )


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tools that build a runner, except those of the config."""
    parser.add_argument(
        '--work-dir', help='folder for logs and checkpoints (default: work_dirs/<config name>)'
    )
    add_body_argument(parser)
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help='set by the launcher')


def add_body_argument(parser: argparse.ArgumentParser, default: str = "the config's") -> None:
    """Add ``--body-model``, which means the same to every tool.

    Args:
        parser: Parser of the tool.
        default: Help text for what the tool uses without the argument.
    """
    parser.add_argument(
        '--body-model',
        metavar=f'PATH|{OPEN}',
        help='folder with SMPL_{NEUTRAL,MALE,FEMALE}.pkl, or a file; "open" for the open body, which ships '
        f'with mmroi and is not SMPL (default: {default})',
    )


def positive_int(text: str) -> int:
    """Parse an integer above zero, as a ``type`` of ``argparse``.

    Raises:
        argparse.ArgumentTypeError: If it is not one.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, not {text}')
    return int(text)


def positive_float(text: str) -> float:
    """Parse a finite number above zero, as a ``type`` of ``argparse``.

    Raises:
        argparse.ArgumentTypeError: If it is not one.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f'must be a number above 0, not {text}')
    return value


def add_metric_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the protocol, its options, the body model, and the batch size."""
    parser.add_argument('--protocol', required=True, choices=PROTOCOLS)
    parser.add_argument('--gt', choices=GROUND_TRUTHS, help='ground truth of h36m_p1 and h36m_p2')
    parser.add_argument(
        '--other-cameras',
        choices=('refuse', 'skip'),
        default='refuse',
        help='what h36m_p2 does with images of other cameras',
    )
    add_body_argument(parser, 'the open body')
    parser.add_argument('--batch-size', type=positive_int, default=256)
