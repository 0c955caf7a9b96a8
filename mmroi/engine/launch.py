"""What ``tools/train.py`` and ``tools/test.py`` share: arguments, configs, and errors in one sentence."""

import argparse
import difflib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config, DictAction

from mmroi.compat import cpu_dist
from mmroi.engine.body_model import add_body_argument, use_body_model
from mmroi.engine.pipelines import read_config

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_UNKNOWN_KEY = re.compile(r"(?P<name>\w+)\.__init__\(\) got an unexpected keyword argument '(?P<key>\w+)'")


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every tool with a runner has."""
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints (default: work_dirs/<config name>)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='changes to the config, such as train_dataloader.batch_size=32',
    )
    add_body_argument(parser)
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='what started the processes')
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help='set by the launcher')


def load_config(args: argparse.Namespace) -> Config:
    """Read the config of a run, and apply the common arguments to it.

    Args:
        args: Parsed arguments: ``config``, ``cfg_options``, ``body_model``, ``work_dir``, ``launcher`` and
            ``local_rank``.

    Returns:
        The config, ready for ``Runner.from_cfg``; distributed runs on CPU are set up.

    Raises:
        FileNotFoundError: If the config does not exist.
    """
    path = Path(args.config)
    if not path.is_file():
        raise FileNotFoundError(f'config {path} does not exist')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(path, args.cfg_options)
    if args.body_model:
        use_body_model(cfg, args.body_model)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / path.stem)
    cpu_dist.setup(cfg, args.launcher)
    return cfg


def existing_file(path: str) -> str:
    """Return the path of a checkpoint that exists; addresses with a scheme (https://) are left to MMEngine.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if '://' not in path and not Path(path).is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    return path


def explain(error: BaseException) -> str:
    """Put an error into one sentence; to an unknown key of a component, list those that it knows."""
    # str() puts the message of a KeyError in quotes
    words = error.args[0] if isinstance(error, KeyError) and error.args else error
    message = ' '.join(str(words).split()) or type(error).__name__
    match = _UNKNOWN_KEY.search(message)
    if isinstance(error, TypeError) and match:
        known = _known_keys(match['name'], error)
        near = difflib.get_close_matches(match['key'], known, 1)
        message = f'config: {match["name"]} does not know the key {match["key"]!r}'
        message += f'; did you mean {near[0]!r}?' if near else '.'
        message += f' It knows: {", ".join(known)}' if known else ''
    return message


def _known_keys(class_name: str, error: BaseException) -> list[str]:
    """Find the class that was being built where an error arose, and list its constructor's keys."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in list(frame.f_locals.values()):
            if inspect.isclass(value) and value.__name__ == class_name:
                parameters = inspect.signature(value).parameters.values()
                return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return []


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; end an error with one sentence that says what is wrong, below the traceback.

    Errors in files that the user named come without a traceback: it would tell nothing more.
    """
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted')
    except Exception as error:
        if not isinstance(error, FileNotFoundError):
            traceback.print_exc()
        sys.exit(f'error: {explain(error)}')
