"""``init_model``: from a config and a checkpoint to a model ready for prediction."""

import warnings
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmroi.apis.shipped import SHIPPED, find_shipped
from mmroi.engine.body_model import check_body_model, use_body_model
from mmroi.engine.pipelines import expand_crops, load_config
from mmroi.fileio import read_state_dict
from mmroi.models.estimators import check_state_dict
from mmroi.registry import MODELS


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = 'cpu',
    cfg_options: dict | None = None,
    body_model: str | None = None,
) -> nn.Module:
    """Build a model and loads its weights.

    Args:
        config: Path of a config, a ``Config``, or the name of a shipped model (``mmroi.apis.SHIPPED``).
        checkpoint: Weights; None for those of the shipped model, or for an untrained network (warns).
        device: Where the model goes.
        cfg_options: Changes to the config, as in ``tools/test.py --cfg-options``.
        body_model: SMPL's folder or file, or ``open`` for the open body; None for what the config names.

    Returns:
        The model in evaluation mode; its config is the attribute ``cfg``.

    Raises:
        FileNotFoundError: If the config, the checkpoint or the body model is absent.
        ValueError: If the config has no ``model``, or the checkpoint is unreadable or of another architecture.
    """
    if isinstance(config, str) and config in SHIPPED:
        shipped = find_shipped(config)
        config, checkpoint = shipped.config, checkpoint or shipped.checkpoint
    model = build_model(config, cfg_options, body_model)
    if checkpoint is None:
        warnings.warn('init_model without a checkpoint: the network is untrained', stacklevel=2)
    else:
        load_weights(model, checkpoint)
    return model.to(device).eval()


def build_model(
    config: str | Path | Config, cfg_options: dict | None = None, body_model: str | None = None
) -> nn.Module:
    """Build the model of a config, with random weights.

    Args:
        config: Path of a config, or a ``Config``.
        cfg_options: Changes to the config.
        body_model: As in ``init_model``.

    Returns:
        The model; its config is the attribute ``cfg``.

    Raises:
        FileNotFoundError: If the config or the body model is absent.
        ValueError: If it has no ``model``.
    """
    if not isinstance(config, Config):
        if not Path(config).is_file():
            raise FileNotFoundError(
                f'config {config} does not exist; shipped models: {", ".join(sorted(SHIPPED))}'
            )
        config = load_config(config, cfg_options)
    else:
        expand_crops(config, cfg_options)
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
    """Load all weights of a model from a file, without running any code that the file may hold.

    Weights in half precision (as the shipped files have) become those of the model's own precision.

    Args:
        model: The network.
        checkpoint: File written by MMEngine, a plain state dict, or safetensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is unreadable, holds no weights, or belongs to another architecture.
    """
    weights = read_state_dict(checkpoint)
    try:
        check_state_dict(model, weights, complete=True)
        model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ValueError(f'{checkpoint}: {error}') from error
