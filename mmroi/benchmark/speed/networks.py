"""A config's network for other numbers of RoIs, its baselines, and random batches for them."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import nn

from mmroi.engine.pipelines import CropSettings, read_num_rois, set_num_rois
from mmroi.geometry import make_rois, roi_offsets
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample

CLIFF_HEADS = dict(CLIFF='own', HMR='none')


def with_rois(config: ConfigDict, num_rois: int) -> ConfigDict:
    """Return a copy of a model's config with another number of RoIs; CLIFF and HMR stay at one."""
    config = deepcopy(config)
    if config.get('fusion') or read_num_rois(config) != 1:
        set_num_rois(config, num_rois)
    return config


def build_for_rois(config: ConfigDict, num_rois: int) -> nn.Module | None:
    """Build a model for a number of RoIs.

    Args:
        config: Config of the model.
        num_rois: Number of RoIs.

    Returns:
        The model; None if it is made for another number, as CLIFF is for one.
    """
    model = MODELS.build(with_rois(config, num_rois))
    # Heads of other projects have no num_rois and take one RoI.
    made_for = {getattr(part, 'num_rois', 1) for part in (model.fusion, model.head) if part is not None}
    return model if made_for <= {num_rois, None} else None


def baselines(config: ConfigDict, in_channels: int) -> dict[str, ConfigDict]:
    """Make the configs of CLIFF and HMR with the encoder of a model.

    Args:
        config: Config of the model.
        in_channels: Number of channels of the encoder's features.

    Returns:
        Configs by name, without the one that equals the model itself.
    """
    found = {}
    for name, boxes in CLIFF_HEADS.items():
        head = dict(type='CLIFFHead', in_channels=in_channels, boxes=boxes)
        if config.head.get('hidden_channels'):
            head['hidden_channels'] = config.head.hidden_channels
        parts = ('type', 'data_preprocessor', 'encoder', 'body_model')
        found[name] = ConfigDict({key: config[key] for key in parts if key in config}, head=head)
    own = config.head
    if own.type.endswith('CLIFFHead') and not config.get('fusion') and read_num_rois(config) == 1:
        same = own.get('boxes', 'own')
        found = {name: value for name, value in found.items() if CLIFF_HEADS[name] != same}
    return found


def random_batch(batch_size: int, crops: CropSettings) -> dict[str, Any]:
    """Make a batch of random crops, as a loader collates it.

    Args:
        batch_size: Number of people.
        crops: Number of RoIs, and number and size of crops.

    Returns:
        ``inputs`` and ``data_samples``.
    """
    rng = np.random.default_rng(0)
    boxes = make_rois(
        torch.tensor([10.0, 20.0, 300.0], dtype=torch.float64), roi_offsets(crops.num_rois)
    ).numpy()
    samples = []
    for _ in range(batch_size):
        sample = HMRDataSample(metainfo=dict(boxes=boxes, focal_length=700.0, crop_size=crops.crop_size))
        sample.gt_instances = InstanceData()
        samples.append(sample)
    shape = (batch_size, crops.num_crops, 3, *crops.input_size)
    inputs = torch.from_numpy(rng.integers(0, 255, shape, dtype=np.uint8))
    return dict(inputs=list(inputs), data_samples=samples)


def prediction_step(
    model: Any, batch: Callable[[], dict[str, Any]], device: torch.device, bf16: bool = False
) -> Callable[[], object]:
    """Make the call to measure: from crops in memory to data samples.

    Autocast keeps no copies of weights: a forward pass uses each once, and a CUDA graph must not read what
    ends with the pass in which it was captured.

    Args:
        model: A ``MeshEstimator`` in evaluation mode, on the device.
        batch: Returns a batch as a loader does.
        device: Where the model is.
        bf16: Run under autocast to bfloat16.

    Returns:
        A function that predicts, and returns the data samples.
    """

    @torch.no_grad()
    def step() -> list[HMRDataSample]:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
            samples: list[HMRDataSample] = model.test_step(batch())
            return samples

    return step
