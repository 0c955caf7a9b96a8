"""Ways to run the same network: what changes only its speed."""

import copy
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from mmroi.benchmark.speed.cuda_graphs import CapturedCall
from mmroi.engine.compilation import compile_network
from mmroi.models.encoders.folded_norms import fold_norms
from mmroi.utils.choices import EAGER, MODES


def parse_mode(mode: str) -> frozenset[str]:
    """Read a mode.

    Args:
        mode: ``eager``, or names of ``MODES`` joined by ``+``.

    Returns:
        The options; empty for ``eager``.

    Raises:
        ValueError: If an option is unknown.
    """
    if mode == EAGER:
        return frozenset()
    options = mode.split('+')
    for option in options:
        if option not in MODES:
            raise ValueError(f'--modes knows {EAGER}, or {", ".join(MODES)} joined by +; got {option!r}')
    return frozenset(options)


def with_mode(model: Any, mode: str, any_batch_size: bool = False) -> Any:
    """Return a copy of a model that shares its weights and runs in a mode.

    Args:
        model: A ``MeshEstimator`` in evaluation mode, on its device.
        mode: See :func:`parse_mode`. ``channels_last``: memory layout of the encoder's convolutions.
            ``folded``: BatchNorm folded into them. ``compiled``: network and body model by
            ``torch.compile``. ``cuda-graphs``: both in one CUDA graph; predictions last until the next call.
        any_batch_size: Compile once for all numbers of people, as ``--compile`` of the tools does.

    Returns:
        The copy, or the model itself for ``eager``.

    Raises:
        ValueError: If an option is unknown, needs a GPU, or a compiler that is not there.
    """
    options = parse_mode(mode)
    if not options:
        return model
    model = copy.copy(model)  # with functions of its own
    if options & {'channels_last', 'folded'}:
        encoder = _changed(model.encoder, 'channels_last' in options, 'folded' in options)
        model._modules = dict(model._modules, encoder=encoder)
    if 'compiled' in options:
        compile_network(model, any_batch_size)
    if 'cuda-graphs' in options:
        if next(model.parameters()).device.type != 'cuda':
            raise ValueError('--modes cuda-graphs needs --device cuda')
        regress, pose = model.regress, model.predict_tensors
        model.regress = CapturedCall(
            lambda inputs, boxes, focal_length: pose(
                regress(inputs, boxes, focal_length), boxes, focal_length
            )
        )
        model.predict_tensors = lambda predictions, boxes, focal_length: predictions
    return model


@lru_cache(maxsize=8)  # networks share encoders
def _changed(encoder: Any, channels_last: bool, folded: bool) -> nn.Module:
    encoder = copy.deepcopy(encoder)
    if channels_last:
        encoder.memory_format = torch.channels_last
        encoder.to(memory_format=torch.channels_last)
    return fold_norms(encoder) if folded else encoder
