"""Automatic mixed precision on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import nn

from mmroi.registry import OPTIM_WRAPPERS
from mmroi.utils.choices import PRECISIONS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Optimizer wrapper with bfloat16 autocast on the CPU.

    MMEngine's ``AmpOptimWrapper`` cannot be built without a GPU, although autocast to bfloat16 about doubles
    the training speed on a CPU with bfloat16 instructions. bfloat16 has the exponent range of float32, so
    losses need no scaling; weights and optimizer state stay float32.

    Args:
        dtype: Name of the autocast type.
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.
    """

    def __init__(self, dtype: str = 'bfloat16', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dtype = getattr(torch, dtype)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass of training under autocast."""
        with super().optim_context(model), torch.autocast('cpu', dtype=self.dtype):
            yield


def has_fast_bfloat16() -> bool:
    """Check whether this CPU has bfloat16 instructions; emulation is slower than float32."""
    native = getattr(torch.cpu, '_is_avx512_bf16_supported', None)
    return bool(native()) if native is not None else torch.ops.mkldnn._is_mkldnn_bf16_supported()


def prefers_bfloat16(device: str | torch.device) -> bool:
    """Check whether bfloat16 is faster than float32 on a device and needs no emulation."""
    kind = torch.device(device).type
    return torch.cuda.is_bf16_supported() if kind == 'cuda' else kind == 'cpu' and has_fast_bfloat16()


def runs_in_bfloat16(precision: str, device: str | torch.device) -> bool:
    """Decide whether the encoder predicts under autocast to bfloat16; all behind it stays float32.

    Args:
        precision: Of ``PRECISIONS``; ``auto`` is bfloat16 where it is faster.
        device: Device of the network.

    Raises:
        ValueError: If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise ValueError(f'precision must be one of {", ".join(PRECISIONS)}, not {precision!r}')
    return prefers_bfloat16(device) if precision == 'auto' else precision == 'bf16'


def use_test_precision(cfg: Config, precision: str) -> None:
    """Set the precision of the encoder in a test.

    MMEngine's loop has a switch for autocast, ``fp16``, which is bfloat16 on a CPU; on a GPU it is made so.

    Args:
        cfg: Config of the run; its ``test_cfg`` is modified.
        precision: See :func:`runs_in_bfloat16`.

    Raises:
        ValueError: If the precision is unknown.
    """
    if runs_in_bfloat16(precision, get_device()):
        cfg.setdefault('test_cfg', {}).update(fp16=True)
        torch.set_autocast_dtype('cuda', torch.bfloat16)


def use_amp(cfg: Config) -> None:
    """Switch a config to mixed precision where it is faster.

    On a GPU: ``AmpOptimWrapper``, in bfloat16 if the GPU supports it, else in float16 with loss scaling; a
    ``dtype`` given in the config is kept. On a CPU with bfloat16 instructions: :class:`CPUAmpOptimWrapper` in
    bfloat16, unless the config says float32 or float64, which are no mixed precision on a CPU. On other CPUs:
    float32. What a config has for a GPU alone (``loss_scale``, ``use_fsdp``) is left out on a CPU, and a
    message says so.

    Args:
        cfg: Config of the run; its ``optim_wrapper`` is modified.

    Raises:
        ValueError: If the config has an optimizer wrapper of another kind.
    """
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'CPUAmpOptimWrapper'):
        raise ValueError(
            '--amp knows OptimWrapper, AmpOptimWrapper and CPUAmpOptimWrapper, but the config '
            f'has optim_wrapper.type={kind!r}: remove --amp or change the type'
        )
    wrapper = cfg.optim_wrapper
    if get_device() != 'cpu':
        wrapper.type = 'AmpOptimWrapper'
        if torch.cuda.is_available():
            wrapper.setdefault('dtype', 'bfloat16' if torch.cuda.is_bf16_supported() else 'float16')
        return
    left_out = {key: wrapper.pop(key) for key in ('loss_scale', 'use_fsdp', 'dtype') if key in wrapper}
    wanted = str(left_out.get('dtype') or 'bfloat16').removeprefix('torch.')
    if wanted not in ('float16', 'bfloat16', 'float32', 'float64'):
        raise ValueError(f'optim_wrapper.dtype={wanted!r} is not float16, bfloat16, float32, or float64')
    reason = f'the config asks for {wanted}' if wanted in ('float32', 'float64') else ''
    reason = reason or ('' if has_fast_bfloat16() else 'this CPU has no bfloat16 instructions')
    wrapper.type = 'OptimWrapper' if reason else 'CPUAmpOptimWrapper'
    result = f'{reason}, training stays in float32' if reason else 'training in bfloat16'
    without = [
        f'{key}={value!r}' for key, value in left_out.items() if value not in (None, False, 'bfloat16')
    ]
    note = f'; on a CPU {", ".join(without)} has no effect' if without else ''
    if reason or without:
        print_log(f'--amp: {result}{note}', logger='current')
