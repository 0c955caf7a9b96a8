"""Checkpoints that refer to the file of a frozen backbone instead of repeating it.

Models behind one frozen encoder differ in their heads alone. Their published checkpoints leave the backbone
out and keep its fingerprint; on loading it is read from the file that the config names for its
initialization, and compared with the fingerprint.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmroi.fileio.state_dicts import fingerprint
from mmroi.models.pretrained_init import StrictPretrainedInit

BACKBONE = 'encoder.backbone.'
FINGERPRINT = 'encoder.backbone_sha256'


def leave_out_backbone(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Replace the backbone in a state dict of a ``MeshEstimator`` by its fingerprint.

    Args:
        state_dict: Tensors by name.

    Returns:
        The other tensors, and the fingerprint as 32 bytes.

    Raises:
        ValueError: There is no backbone.
    """
    backbone = _below(state_dict, BACKBONE)
    if not backbone:
        raise ValueError('the checkpoint has no backbone that could be left out')
    others = {name: value for name, value in state_dict.items() if not name.startswith(BACKBONE)}
    return {**others, FINGERPRINT: _as_tensor(backbone)}


def restore_backbone(model: nn.Module, state_dict: dict[str, Tensor], prefix: str = '') -> None:
    """Read the backbone that a checkpoint leaves out.

    Args:
        model: A ``MeshEstimator``. Its backbone's ``init_cfg`` names the file.
        state_dict: The checkpoint's tensors, changed in place. Without a fingerprint nothing happens.
        prefix: Prefix of the model's names in ``state_dict``.

    Raises:
        RuntimeError: The config names no file of pretrained weights, or it is not the one that the checkpoint
            was trained with.
    """
    given = state_dict.pop(prefix + FINGERPRINT, None)
    if given is None:
        return
    backbone: Any = model.encoder.backbone  # type: ignore[union-attr]
    named = getattr(backbone, 'init_cfg', None)  # a list where a backbone has several initializations
    init_cfg = dict(named) if isinstance(named, Mapping) else {}
    if init_cfg.pop('type', None) != 'Pretrained':
        raise RuntimeError(
            'The checkpoint leaves out the backbone, and the config does not say where it is: use the config '
            "of the training, or set model.encoder.backbone.init_cfg=dict(type='Pretrained', checkpoint=...) "
            'as there.'
        )
    try:
        StrictPretrainedInit(**init_cfg, log_skipped=False)(backbone)
    except (OSError, ValueError) as error:
        raise RuntimeError(f'The checkpoint leaves out the backbone: {error}') from error
    state = backbone.state_dict()
    if not torch.equal(_as_tensor(state), given.cpu()):
        raise RuntimeError(
            f'The checkpoint was trained with another backbone than {init_cfg["checkpoint"]}, which the '
            'config names (model.encoder.backbone.init_cfg); use the file that came with the checkpoint.'
        )
    state_dict.update({f'{prefix}{BACKBONE}{name}': value for name, value in state.items()})


def _below(state_dict: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): v for name, v in state_dict.items() if name.startswith(prefix)}


def _as_tensor(state_dict: Mapping[str, Tensor]) -> Tensor:
    return torch.frombuffer(bytearray(bytes.fromhex(fingerprint(state_dict))), dtype=torch.uint8)
