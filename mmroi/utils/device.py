"""The device that a user names."""

from typing import TYPE_CHECKING

from mmroi.utils.errors import UserError

if TYPE_CHECKING:
    import torch


def choose_device(name: 'str | torch.device | None' = None) -> 'torch.device':
    """Return a device that PyTorch can use here.

    Args:
        name: Such as ``cpu`` or ``cuda:1``; None for the accelerator if there is one.

    Raises:
        UserError: If there is no such device; says which there are.
    """
    import torch
    from mmengine.device import get_device

    known = ['cpu', *(f'cuda:{number}' for number in range(torch.cuda.device_count()))]
    known += ['mps'] if torch.backends.mps.is_available() else []
    try:
        device = torch.device(get_device() if name is None else name)
    except RuntimeError:
        raise UserError(f'device {str(name)!r} is unknown; there is {", ".join(known)}') from None
    count = sum(word.startswith(device.type) for word in known)
    if device.type in ('cpu', 'cuda', 'mps') and (device.index or 0) >= count:
        reason = '' if torch.version.cuda else f', as PyTorch {torch.__version__} is built without CUDA'
        raise UserError(f'PyTorch finds no device {str(name)!r} here{reason}; there is {", ".join(known)}')
    return device
