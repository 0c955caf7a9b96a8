"""The names that checkpoints of torch and MMEngine contain, added to those of all pickles.

torch's own functions trust their arguments more than a file deserves: ``_rebuild_from_type_v2`` sets
attributes of anything, and a tensor may claim more elements than its storage has. Tensors are built here,
from checked numbers. Of MMEngine's objects, ``HistoryBuffer`` is built again from checked arrays, and a
one-cycle schedule's function is chosen from the two that exist; ``getattr`` reaches nothing else.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from torch import Tensor

from mmroi.fileio.inert_names import BUILDERS, NAMES, Global, Refused, Unread

_MAX_EXPANDED = 1 << 24  # elements of a tensor that repeats the same memory
_HISTORY = 'mmengine.logging.history_buffer.HistoryBuffer'
_ONE_CYCLE = 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'
_ANNEALING = ('_annealing_cos', '_annealing_linear')


@dataclass
class Storage:
    """Memory of tensors.

    Attributes:
        dtype: Type of its numbers.
        memory: Its bytes.
    """

    dtype: torch.dtype
    memory: torch.UntypedStorage


@dataclass(frozen=True)
class StorageKind:
    """Class of a storage in a file.

    Attributes:
        dtype: Type of its numbers.
    """

    dtype: torch.dtype


def build_tensor(
    storage: Any, offset: Any, size: Any, stride: Any, *_options: Any, dtype: torch.dtype | None = None
) -> Tensor:
    """Build a tensor that lies inside its storage.

    Args:
        storage: Where it lies.
        offset: Of its first element, in elements.
        size: Its shape.
        stride: Of each dimension, in elements.
        dtype: By default that of the storage.

    Raises:
        ValueError: It does not lie inside.
    """
    if not isinstance(storage, Storage):
        raise Refused('a tensor has no storage')
    dtype = dtype or storage.dtype
    size, stride = _integers(size), _integers(stride)
    (offset,) = _integers((offset,))
    count = math.prod(size)
    end = offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if count else 0
    available = storage.memory.nbytes() // dtype.itemsize
    if end > available or count > max(available, _MAX_EXPANDED):
        raise ValueError(f'a tensor of size {tuple(size)} does not lie inside its storage')
    return torch.empty(0, dtype=dtype).set_(storage.memory, offset, size, stride)


def _build_with_dtype(
    storage: Any, offset: Any, size: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any, *_options: Any
) -> Tensor:
    if not isinstance(dtype, torch.dtype):
        raise Refused('a tensor has no dtype')
    return build_tensor(storage, offset, size, stride, dtype=dtype)


def _build_sparse(layout: Any, parts: Any) -> Any:
    if layout is not torch.sparse_coo or not all(isinstance(part, Tensor) for part in parts[:2]):
        return Unread('torch.sparse')
    size = torch.Size(_integers(parts[2]))
    return torch.sparse_coo_tensor(parts[0], parts[1], size, check_invariants=True)


def _build_parameter(data: Any, requires_grad: Any = False, *_options: Any) -> Any:
    if not isinstance(data, Tensor):
        return data
    return torch.nn.Parameter(data, bool(requires_grad) and data.is_floating_point())


def _build_subclass(build: Any, kind: Any, arguments: Any, _state: Any) -> Any:
    """Build a tensor with attributes, without these."""
    if not isinstance(build, Global) or build.make not in (build_tensor, _build_with_dtype, _build_parameter):
        raise Refused('a tensor is built by a function that builds none')
    tensor = build.make(*arguments)
    parameter = isinstance(kind, Global) and kind.name == 'torch.nn.parameter.Parameter'
    return _build_parameter(tensor, tensor.requires_grad) if parameter else tensor


def _layout(name: Any) -> torch.layout:
    if name != 'torch.sparse_coo':
        raise ValueError(f'tensors of layout {name!r} are not read')
    return torch.sparse_coo


def _device(kind: Any, index: Any = None) -> torch.device:
    return torch.device(str(kind)) if index is None else torch.device(str(kind), int(index))


def _attribute(owner: Any, name: Any) -> Any:
    """Replace ``getattr``, by which MMEngine's checkpoints name the methods of two classes."""
    known = owner.name if isinstance(owner, Global) else None
    if known == _ONE_CYCLE and name in _ANNEALING:
        return getattr(OneCycleParamScheduler, name)
    if known == _HISTORY and isinstance(name, str) and not name.startswith('_'):
        return Unread(f'{known}.{name}')  # statistics, which the class has by itself
    if known is None or known in CHECKPOINT_NAMES:
        raise Refused(f'it asks for the attribute {name!r} of {known!r}')
    return Unread(f'{known}.{name}')


def _fill_history(buffer: HistoryBuffer, state: Any) -> None:
    """Give a new buffer its numbers."""
    state = state if isinstance(state, dict) else {}
    log, counts = (state.get(key) for key in ('_log_history', '_count_history'))
    length = state.get('max_length', state.get('_max_length', buffer.max_length))
    for values in (log, counts):
        if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in 'biuf':
            raise Refused('the history of a log is no list of numbers')
    if len(log) != len(counts) or type(length) is not int or not 0 < length < 1 << 40:
        raise Refused('the history of a log has lists of different lengths')
    buffer._log_history, buffer._count_history = log.copy(), counts.copy()
    buffer.max_length = length


def _new_history(*_arguments: Any) -> HistoryBuffer:
    return HistoryBuffer()


def _no_object(*_arguments: Any) -> Any:
    raise Refused('a class is called whose objects are no part of a checkpoint')


def _integers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or not all(type(n) is int and 0 <= n < 1 << 48 for n in values):
        raise ValueError(f'{values!r} is no size of a tensor')
    return tuple(values)


_STORED = dict(
    Double='float64',
    Float='float32',
    Half='float16',
    BFloat16='bfloat16',
    Long='int64',
    Int='int32',
    Short='int16',
    Char='int8',
    Byte='uint8',
    Bool='bool',
    ComplexDouble='complex128',
    ComplexFloat='complex64',
)
_DTYPES = (
    *_STORED.values(),
    *(f'uint{bits}' for bits in (16, 32, 64)),
    *('float8_e4m3fn', 'float8_e5m2', 'float8_e4m3fnuz', 'float8_e5m2fnuz'),
)
_UNTYPED = StorageKind(torch.uint8)

CHECKPOINT_NAMES: dict[str, Any] = {
    **NAMES,
    **{f'torch.{kind}Storage': StorageKind(getattr(torch, dtype)) for kind, dtype in _STORED.items()},
    **{f'torch.cuda.{kind}Storage': StorageKind(getattr(torch, dtype)) for kind, dtype in _STORED.items()},
    **{f'torch.{dtype}': getattr(torch, dtype) for dtype in _DTYPES if hasattr(torch, dtype)},
    'torch.storage.UntypedStorage': _UNTYPED,
    'torch.storage._UntypedStorage': _UNTYPED,
    'torch._utils._rebuild_tensor': build_tensor,
    'torch._utils._rebuild_tensor_v2': build_tensor,
    'torch._utils._rebuild_tensor_v3': _build_with_dtype,
    'torch._utils._rebuild_sparse_tensor': _build_sparse,
    'torch._utils._rebuild_parameter': _build_parameter,
    'torch._utils._rebuild_parameter_with_state': _build_parameter,
    'torch._tensor._rebuild_from_type_v2': _build_subclass,
    'torch.nn.parameter.Parameter': _build_parameter,
    'torch.Tensor': _no_object,
    'torch.serialization._get_layout': _layout,
    'torch.Size': lambda sizes=(): torch.Size(_integers(sizes)),
    'torch.device': _device,
    'builtins.getattr': _attribute,
    _HISTORY: _new_history,
    _ONE_CYCLE: _no_object,
}
"""What to make of a name in a checkpoint, in the spelling of :func:`~mmroi.fileio.inert_names.spell`."""


def _keep_versions(state_dict: Any, attributes: Any) -> None:
    """Keep the versions of modules, which torch attaches to a state dict."""
    versions = attributes.get('_metadata') if isinstance(attributes, dict) else None
    if isinstance(versions, dict) and all(isinstance(part, dict) for part in versions.values()):
        state_dict._metadata = versions


CHECKPOINT_BUILDERS = {**BUILDERS, HistoryBuffer: _fill_history, OrderedDict: _keep_versions}
"""How objects in a checkpoint get their state."""
