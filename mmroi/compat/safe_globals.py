"""The names that MMEngine's own checkpoints refer to, allowed in ``torch.load(weights_only=True)``.

Since torch 2.6 ``torch.load`` unpickles only what it knows, and MMEngine 0.10.7 keeps its message hub
(``HistoryBuffer`` objects holding NumPy arrays) in every training checkpoint: resuming fails with "Weights
only load failed". The exact names are allowed here; the check itself stays on, so that a checkpoint from a
stranger cannot run code.

Upstream: https://github.com/open-mmlab/mmengine/issues/1655, https://github.com/open-mmlab/mmengine/pull/1650
Remove when: an MMEngine release resumes under torch >= 2.6 without switching ``weights_only`` off.
"""

from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

_NUMBERS = (
    'bool',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'float16',
    'float32',
    'float64',
)


def _known_method(owner: Any, name: str) -> Any:
    """Stand for ``getattr``, by which MMEngine names two kinds of methods, and for nothing else.

    A HistoryBuffer so names its statistics, and the state of OneCycleLR its shape.
    """
    statistics = owner is HistoryBuffer and not name.startswith('_')
    shape = owner is OneCycleParamScheduler and name in ('_annealing_cos', '_annealing_linear')
    if not statistics and not shape:
        raise ValueError(
            f'a checkpoint asks for the attribute {name!r} of {owner!r}, which MMEngine '
            'never does: do not trust this file'
        )
    return getattr(owner, name)


def checkpoint_globals() -> list[Any]:
    """List what a checkpoint written by MMEngine's ``Runner`` refers to, as ``add_safe_globals`` takes it."""
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray  # type: ignore[attr-defined]
    allowed = [HistoryBuffer, OneCycleParamScheduler, (_known_method, 'builtins.getattr')]
    allowed += [np.ndarray, np.dtype]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # NumPy 1 and 2 write different names
        allowed += [(getattr(multiarray, name), f'{module}.{name}') for name in ('_reconstruct', 'scalar')]
    return allowed + [type(np.dtype(name)) for name in _NUMBERS]


def install() -> None:
    """Allow them. Does nothing for torch < 2.6, which needs it not."""
    if tuple(int(n) for n in torch.__version__.split('.')[:2]) >= (2, 6):
        torch.serialization.add_safe_globals(checkpoint_globals())
