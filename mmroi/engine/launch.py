"""What the command-line tools share: configs and checkpoints of a command line."""

import argparse
import difflib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import OPTIMIZERS

from mmroi.compat import cpu_dist
from mmroi.engine.body_model import use_body_model
from mmroi.engine.pipelines import load_config
from mmroi.fileio.output_folders import own_folder
from mmroi.utils.errors import UserError
from mmroi.utils.installation import absence_of, resolve_file

# Where launchers say which of its processes this is.
_RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


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
        UserError: If it has no model, or an unknown optimizer.
    """
    cfg = read_config(args)
    if not cfg.get('model'):
        raise UserError(f'config {cfg.filename} has no `model`: let it inherit one by `_base_`')
    check_optimizer(cfg)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(cfg.filename).stem)
    cpu_dist.setup(cfg, args.launcher)
    return cfg


def check_optimizer(cfg: Config) -> None:
    """Refuse an optimizer that does not exist, for which MMEngine's message does not name it.

    Args:
        cfg: Config of a run.

    Raises:
        UserError: Names the optimizer and a similar one.
    """
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer')
    name = optimizer.get('type') if isinstance(optimizer, dict) else None
    if not isinstance(name, str):
        return
    with OPTIMIZERS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        if registry.get(name) is None:
            near = difflib.get_close_matches(name, OPTIMIZERS.module_dict, 1)
            hint = f'; did you mean {near[0]!r}?' if near else ''
            raise UserError(f'config: there is no optimizer {name!r} (optim_wrapper.optimizer.type){hint}')


@contextmanager
def own_work_dir(cfg: Config) -> Iterator[None]:
    """Reserve the work folder of a training; of several processes the first one does.

    Args:
        cfg: Config of :func:`read_runner_config`.

    Raises:
        RuntimeError: Another training runs in it.
        WriteError: Nothing can be written there.
    """
    rank = os.environ.get(_RANKS.get(cfg.launcher, ''), '0')  # there is no process group yet
    if rank != '0':
        yield
        return
    with own_folder(cfg.work_dir, '--work-dir'):
        yield


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
        raise FileNotFoundError(f'checkpoint {absence_of(path)}') from None
