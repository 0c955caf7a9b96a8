"""What the command-line tools share: configs and checkpoints of a command line."""

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmroi.compat import cpu_dist
from mmroi.engine.body_model import use_body_model
from mmroi.engine.pipelines import load_config
from mmroi.utils.installation import resolve_file


def read_config(args: argparse.Namespace) -> Config:
    """Read the config of a command line and apply ``--cfg-options`` and ``--body-model`` to it.

    Args:
        args: Parsed arguments ``config``, ``cfg_options`` and, where the tool has it, ``body_model``.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If the config does not exist.
    """
    cfg = load_config(args.config, args.cfg_options)
    if getattr(args, 'body_model', None):
        use_body_model(cfg, args.body_model)
    return cfg


def read_runner_config(args: argparse.Namespace) -> Config:
    """Read the config of a command line and prepare it for ``Runner.from_cfg``.

    Distributed runs on CPU are set up here.

    Args:
        args: As for :func:`read_config`, and ``work_dir``, ``launcher`` and ``local_rank``.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If the config does not exist.
    """
    cfg = read_config(args)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(cfg.filename).stem)
    cpu_dist.setup(cfg, args.launcher)
    return cfg


def existing_file(path: str) -> str:
    """Return the path of a checkpoint if it exists, here or in this project; URLs are left to MMEngine.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if '://' in path:
        return path
    try:
        return str(resolve_file(path))
    except FileNotFoundError:
        raise FileNotFoundError(f'checkpoint {path} does not exist') from None


class QuietRunner(Runner):
    """A runner that writes its environment, config and hooks to the log file alone, not to the console."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build MMEngine's logger."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_no_dump)
        return logger


def _is_no_dump(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(('\n---', 'Config:\n', 'Hooks will be executed'))
