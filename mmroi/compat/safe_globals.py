"""Allows ``torch.load(weights_only=True)`` to read MMEngine's own checkpoints.

Since torch 2.6, ``torch.load`` only unpickles known globals, but MMEngine 0.10.7 stores its message hub
(``HistoryBuffer`` objects with NumPy arrays) in every training checkpoint: resuming fails with "Weights only
load failed". Exactly the globals of these objects are allowed here. The check itself stays on, so an
untrusted checkpoint cannot run code.

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
    """Replace ``getattr`` in checkpoints, restricted to the two kinds of methods that MMEngine stores.

    These are the statistics of ``HistoryBuffer`` and the annealing functions of ``OneCycleParamScheduler``.
    """
    statistics = owner is HistoryBuffer and not name.startswith('_')
    shape = owner is OneCycleParamScheduler and name in ('_annealing_cos', '_annealing_linear')
    if not statistics and not shape:
        raise ValueError(
            f'the checkpoint requests the attribute {name!r} of {owner!r}, which MMEngine never does: '
            'do not trust this file'
        )
    return getattr(owner, name)


def checkpoint_globals() -> list[Any]:
    """List the globals in checkpoints of MMEngine's ``Runner``, as arguments of ``add_safe_globals``."""
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray
    allowed = [HistoryBuffer, OneCycleParamScheduler, (_known_method, 'builtins.getattr')]
    allowed += [np.ndarray, np.dtype]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # NumPy 1 and 2 write different names
        allowed += [(getattr(multiarray, name), f'{module}.{name}') for name in ('_reconstruct', 'scalar')]
    return allowed + [type(np.dtype(name)) for name in _NUMBERS]


def install() -> None:
    """Allow the globals. A no-op with torch < 2.6."""
    if tuple(int(n) for n in torch.__version__.split('.')[:2]) >= (2, 6):
        torch.serialization.add_safe_globals(checkpoint_globals())
