"""``torch.compile`` for prediction: what it needs, where the code is kept, which functions it compiles."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmroi.fileio.ownership import user_cache
from mmroi.utils.errors import UserError

T = TypeVar('T')
_FUNCTIONS = ('regress', 'predict_tensors')  # of a MeshEstimator: the network, and the body model


def prepare_compiler(device: str | torch.device) -> Path:
    """Check that PyTorch can compile for a device here, and choose where it keeps the code.

    That is the user's cache, unless the environment variable ``TORCHINDUCTOR_CACHE_DIR`` says otherwise:
    PyTorch's own choice is a folder of ``/tmp``, which a restart of the machine empties.

    Args:
        device: Where the network runs.

    Returns:
        The folder of the code.

    Raises:
        UserError: Something is missing; says what, and the remedy.
    """
    without = 'or run without compiling'
    if torch.device(device).type == 'cpu':
        standard = {'darwin': 'clang++', 'win32': 'cl'}.get(sys.platform, 'g++')
        if shutil.which(name := os.environ.get('CXX', standard)) is None:
            raise UserError(
                f'compiling for the CPU needs a C++ compiler, and {name!r} is not installed: install it '
                f'(apt install g++), name another by the environment variable CXX, {without}'
            )
        if not Path(header := sysconfig.get_path('include'), 'Python.h').is_file():
            raise UserError(
                f"compiling for the CPU needs Python's headers, and {header} has no Python.h: install them, "
                f'such as by "apt install python3-dev", {without}'
            )
    elif find_spec('triton') is None:
        raise UserError(f'compiling for {device} needs Triton: install it by "pip install triton", {without}')
    return Path(os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', str(user_cache() / 'compiled')))


def compile_network(model: Any, any_batch_size: bool = True) -> None:
    """Compile network and body model of an estimator when they are first called.

    Predictions differ by rounding. Before the first call a message says how long it takes.

    Args:
        model: A ``MeshEstimator`` in evaluation mode, on its device; or what wraps it. Changed in place.
        any_batch_size: Compile once for all numbers of persons above one, and again for a single person.
            Otherwise, as a benchmark does, for each number, and without a message.

    Raises:
        UserError: As :func:`prepare_compiler`. When the model is called: the compiler fails.
    """
    folder = prepare_compiler(next(model.parameters()).device)
    model = innermost(model)
    for name in _FUNCTIONS:
        said = folder if any_batch_size and name == _FUNCTIONS[0] else None
        setattr(model, name, _Compiled(getattr(model, name), any_batch_size, said))


def innermost(model: Any) -> Any:
    """Return the estimator inside the models of several processes, refinement, and test-time augmentation."""
    while hasattr(model, 'module'):
        model = model.module
    return model


class _Compiled(Generic[T]):
    """A compiled function of tensors, whose first dimension is the number of persons or a multiple of it.

    Args:
        function: It takes tensors and dicts of tensors.
        any_batch_size: See :func:`compile_network`.
        folder: Where the code is kept, for a message before the first call; None for no message.
    """

    def __init__(self, function: Callable[..., T], any_batch_size: bool, folder: Path | None) -> None:
        self._call: Callable[..., T] = torch.compile(function, dynamic=None if any_batch_size else False)
        self._any_batch_size, self._folder = any_batch_size, folder

    def __call__(self, *inputs: Tensor | dict[str, Tensor]) -> T:
        if self._folder is not None:
            print_log(
                'compiling network and body model, which takes a minute or more; the code is kept in '
                f'{self._folder}, from where the next run with the same model takes it',
                'current',
            )
            self._folder = None
        if self._any_batch_size:
            _free_batch_size(inputs)
        try:
            return self._call(*inputs)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = next((line for line in str(error).splitlines() if 'rror' in line), type(error).__name__)
            raise UserError(
                f'the network cannot be compiled here ({reason.strip()}); run it without compiling'
            ) from error


def _free_batch_size(inputs: Sequence[Tensor | dict[str, Tensor]]) -> None:
    """Tell PyTorch that the first dimension varies; of a single person it is a constant to it."""
    for value in inputs:
        for tensor in value.values() if isinstance(value, dict) else (value,):
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
