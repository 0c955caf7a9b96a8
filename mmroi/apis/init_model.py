"""``init_model``: a model that is ready for prediction, from a config and a checkpoint."""

import warnings
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmroi.apis.model_index import find_model
from mmroi.engine.body_model import check_body_model, use_body_model
from mmroi.engine.body_record import warn_of_other_body
from mmroi.engine.pipelines import expand_numbers, load_config
from mmroi.fileio import read_checkpoint
from mmroi.fileio.state_dicts import take_below_prefix, take_weights
from mmroi.models.encoders import MultiRoIEncoder
from mmroi.models.encoders.folded_norms import fold_norms
from mmroi.models.estimators import check_state_dict, restore_backbone
from mmroi.registry import MODELS
from mmroi.utils.device import choose_device


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = 'cpu',
    cfg_options: dict[str, Any] | None = None,
    body_model: str | None = None,
    fold_batch_norms: bool = False,
) -> nn.Module:
    """Build a model and load its weights.

    Args:
        config: Path of a config, a ``Config``, or a name of ``model-index.yml``, see :func:`find_model`.
        checkpoint: File of weights. By default the one that the index names for the model; if it names none,
            the weights stay random, with a warning.
        device: Device of the model.
        cfg_options: Changes to the config, as in ``tools/test.py --cfg-options``.
        body_model: SMPL's folder or file, or ``open`` for the open body; by default the one in the config.
        fold_batch_norms: Make prediction faster by :func:`fold_norms`; the model can then neither be trained
            nor load other checkpoints.

    Returns:
        The model in evaluation mode; its config is the attribute ``cfg``.

    Raises:
        FileNotFoundError: If the config, the checkpoint or the body model does not exist.
        ValueError: If PyTorch has no such device here, the config has no ``model``, or the checkpoint cannot
            be read or does not fit the model.
    """
    device = choose_device(device)
    if not isinstance(config, Config):
        found = find_model(config)
        config, checkpoint = found.config, checkpoint or found.weights
    model: Any = build_model(config, cfg_options, body_model)
    if checkpoint is None:
        warnings.warn('init_model without a checkpoint: the network is untrained', stacklevel=2)
    else:
        load_weights(model, checkpoint)
    model.eval()
    if fold_batch_norms and isinstance(getattr(model, 'encoder', None), MultiRoIEncoder):
        model.encoder = fold_norms(model.encoder)
    return model.to(device)


def build_model(
    config: str | Path | Config, cfg_options: dict[str, Any] | None = None, body_model: str | None = None
) -> nn.Module:
    """Build the model of a config with random weights.

    Args:
        config: Path of a config, a ``Config``, or a name of ``model-index.yml``.
        cfg_options: Changes to the config.
        body_model: As for ``init_model``.

    Returns:
        The model; its config is the attribute ``cfg``.

    Raises:
        FileNotFoundError: If the config or the body model does not exist.
        ValueError: If the config has no ``model``.
    """
    if not isinstance(config, Config):
        config = load_config(config, cfg_options)
    else:
        expand_numbers(config, cfg_options)
    if 'model' not in config:
        raise ValueError(f'config {config.filename} has no `model`')
    if body_model:
        use_body_model(config, body_model)
    check_body_model(config)
    init_default_scope(config.get('default_scope', 'mmroi'))
    model = MODELS.build(config.model)
    model.cfg = config
    return model


def load_weights(model: nn.Module, checkpoint: str | Path) -> None:
    """Load all weights of a model from a file without running code that the file may contain.

    Weights in half precision, as in the shipped files, are converted to the precision of the model. If the
    file says that it was trained for another body than the model's, a warning says so.

    Args:
        model: The model, changed in place.
        checkpoint: File written by MMEngine or another trainer, a plain state dict, or safetensors.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read, has no weights, or does not fit the model.
    """
    content = read_checkpoint(checkpoint)
    weights = take_weights(content, checkpoint)
    warn_of_other_body(content.get('meta'), getattr(model, 'body_model', None), str(checkpoint))
    take_below_prefix(weights, model.state_dict().keys())
    try:
        restore_backbone(model, weights)
        check_state_dict(model, weights, complete=True)
        model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ValueError(f'{checkpoint}: {error}') from error
