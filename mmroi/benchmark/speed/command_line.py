"""Devices, configs and tables that the speed tools share."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.engine.body_model import check_body_model
from mmroi.engine.launch import read_config
from mmroi.engine.pipelines import CropSettings
from mmroi.fileio.atomic import atomic_write
from mmroi.utils.device import choose_device


def use_device(args: argparse.Namespace) -> torch.device:
    """Set the number of threads, and return the device, that a command line names.

    Args:
        args: ``device`` and ``threads``, where the tool has them.

    Raises:
        UserError: If PyTorch has no such device here.
    """
    if getattr(args, 'threads', None):
        torch.set_num_threads(args.threads)
    return choose_device(getattr(args, 'device', None))


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
            raise ValueError(f'config {args.config} has no `{key}`: give a config that mmroi train runs')
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
