"""The test pipeline of a config, for tight boxes on pictures that are decoded already."""

import copy

from mmengine.config import Config
from mmengine.dataset import Compose

from mmroi.registry import TRANSFORMS

MARGIN = 1.2  # CLIFF's around a tight box


def build_crop_pipeline(config: Config, box_scale: float | None = None) -> Compose:
    """Build the transforms that a network was trained for.

    Args:
        config: With ``test_dataloader``.
        box_scale: Enlargement of the people's boxes. By default 1.2, times the scale that the config sets:
            one that sets it does so for annotations whose boxes have their margin already.

    Returns:
        From ``img``, ``bbox_xywh`` and the camera of a person to ``inputs`` and ``data_samples``.

    Raises:
        ValueError: If the config has no test pipeline.
    """
    try:
        dataset = config.test_dataloader.dataset
        steps = copy.deepcopy(dataset.get('pipeline') or dataset.datasets[0].pipeline)
    except (AttributeError, KeyError) as error:
        raise ValueError(f'config {config.filename} has no test_dataloader.dataset.pipeline') from error
    for step in steps:
        if step['type'] == 'GetPersonBox':
            step['scale'] = box_scale or MARGIN * step.get('scale', 1.0)
    return Compose([TRANSFORMS.build(step) for step in steps])
