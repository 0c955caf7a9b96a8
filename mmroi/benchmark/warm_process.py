"""Tools of this project, each in a process that has imported PyTorch and MMDetection before it starts.

A row on cached features trains in a minute, of which importing would take a good part.
"""

import _thread
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

from mmroi.benchmark.tool_process import package_path

# mmroi makes MMDetection importable; the server passes over what it cannot import
_IMPORTED = ('mmroi.apis', 'mmroi.engine', 'mmroi.evaluation', 'mmdet.models', 'mmengine.runner')
# MMEngine asks for a GPU when it is imported. By PyTorch's default this starts CUDA, which no fork of the
# server could then use, and which reads CUDA_VISIBLE_DEVICES once; by NVML it does neither.
# https://docs.pytorch.org/docs/stable/notes/cuda.html#device-agnostic-code
_WITHOUT_CUDA = {'PYTORCH_NVML_BASED_CUDA_CHECK': '1'}
# Runs start in threads, and starting the server changes the environment for a moment.
_STARTING = threading.Lock()


def start_tool(
    tool: Path,
    arguments: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str],
    *,
    errors: Path | None = None,
    folder: Path | None = None,
) -> BaseProcess:
    """Start a tool in a process group of its own, which ends with this process.

    Processes are forked from a server that has only imported, so none inherits threads or a random state.

    Args:
        tool: The Python file.
        arguments: Its command line.
        log: File that its output is appended to.
        environment: Variables to set. ``OMP_NUM_THREADS`` takes effect, too.
        errors: File that its standard error is appended to instead.
        folder: Where it works; None is here.

    Returns:
        The process; ``exitcode`` is that of the tool once it is joined.
    """
    context = multiprocessing.get_context('forkserver')
    with _STARTING:
        _start_server()
    words = [str(tool), *map(str, arguments)]
    variables = {'PYTHONPATH': package_path(), **environment}
    streams = {1: str(log), 2: str(errors or log)}
    process = context.Process(target=_run, args=(words, streams, variables, str(folder or Path.cwd())))
    process.start()
    return process


@cache
def _start_server() -> None:
    """Start the server with this package in its path, which it does not take over from this process."""
    forkserver.set_forkserver_preload(list(_IMPORTED))
    variables = {'PYTHONPATH': package_path(), **_WITHOUT_CUDA}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _run(words: list[str], streams: dict[int, str], environment: dict[str, str], folder: str) -> None:
    os.setsid()
    for stream, path in streams.items():
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, stream)
        os.close(output)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ``nohup command &`` ignores it
    # Not by ``threading``, where coverage.py traces it: in whichever thread it notices that sys.path has
    # changed, it removes from sys.modules what others import meanwhile, and their imports fail: KeyError.
    _thread.start_new_thread(_end_with_parent, ())
    os.environ.update(environment)
    if 'OMP_NUM_THREADS' in environment:
        import torch

        torch.set_num_threads(int(environment['OMP_NUM_THREADS']))
    sys.argv = words
    sys.path[:0] = [str(Path(words[0]).parent), *environment['PYTHONPATH'].split(os.pathsep)]
    runpy.run_path(words[0], run_name='__main__')


def _end_with_parent() -> None:
    """Interrupt this process when the benchmark is killed, so that no two processes train in one folder."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGINT)
