"""What the command-line tools share: arguments, configs, and errors reported in one sentence."""

import argparse
import difflib
import inspect
import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config
from torch import distributed as dist

from mmroi.compat import cpu_dist
from mmroi.engine.body_model import add_body_argument, use_body_model
from mmroi.engine.config_options import ConfigOptions
from mmroi.engine.pipelines import load_config
from mmroi.fileio.atomic import WriteError
from mmroi.fileio.installation import resolve_file
from mmroi.utils.termination import (
    Terminated,
    end_children_with_this_process,
    end_like_ctrl_c,
    signal_on_parents_death,
)

_STDOUT = 1
LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_UNKNOWN_KEY = re.compile(r"(?P<name>\w+)\.__init__\(\) got an unexpected keyword argument '(?P<key>\w+)'")


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``config`` and ``--cfg-options``, which mean the same to every tool."""
    parser.add_argument('config', help='config: path, or name such as mmroi::cliff/cliff_r50_mixture.py')
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


def explain(error: BaseException) -> str:
    """Describe an error in one sentence; for an unknown key of a component, list the known ones."""
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
    """List the constructor's keys of the class that was being built when an error was raised."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in list(frame.f_locals.values()):
            if inspect.isclass(value) and value.__name__ == class_name:
                parameters = inspect.signature(value).parameters.values()
                return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return []


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; on an error, exit with one sentence that says what is wrong, below the traceback.

    Missing files and full disks are reported without a traceback, which would add nothing.

    SIGTERM and SIGHUP end the tool as Ctrl-C does, with exit status 143 and 129: files are closed. Whatever
    way it ends, the processes that it has started end with it. A reader of its output that has had enough,
    such as ``head``, ends it without a word, with exit status 141.

    A tool that has done its work leaves its process group: gloo's threads may abort a process that exits
    without (https://github.com/pytorch/pytorch/issues/190489). One that failed does not, as the other
    processes may still wait in a collective.
    """
    end_like_ctrl_c()
    end_children_with_this_process()
    if 'TORCHELASTIC_RUN_ID' in os.environ:  # a process of torchrun, which may be killed
        signal_on_parents_death(signal.SIGTERM)
    try:
        _run(main)
        sys.stdout.flush()
        if dist.is_available() and dist.is_initialized():
            dist.destroy_process_group()
    except Terminated as ended:
        print(ended, file=sys.stderr)
        sys.exit(ended.status)
    except KeyboardInterrupt:
        sys.exit('interrupted')
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads_the_output():
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)  # or Python complains at exit
            sys.exit(128 + signal.SIGPIPE)
        if not isinstance(error, FileNotFoundError | WriteError):
            traceback.print_exc()
        sys.exit(f'error: {explain(error)}')


def _run(main: Callable[[], None]) -> None:
    """Run a function; an error that took the place of a request to end becomes this request again.

    MMEngine formats the config in each checkpoint with yapf, and turns whatever is raised meanwhile into a
    SyntaxError.
    """
    try:
        main()
    except Exception as error:
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, KeyboardInterrupt):
                raise behind from None
            behind = behind.__context__
        raise


def _nobody_reads_the_output() -> bool:
    poll = select.poll()
    poll.register(_STDOUT, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
