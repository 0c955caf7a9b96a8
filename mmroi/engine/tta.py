"""Test-time augmentation as a change of the config."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from mmengine.config import Config, ConfigDict


def use_tta(cfg: Config) -> None:
    """Make a test predict from the photo and its mirror image.

    The model becomes ``cfg.tta_model`` around it, :class:`mmroi.models.tta.MeshTTAModel` by default; the
    pipelines of the test data become ``cfg.tta_pipeline``, by default their own with both views.

    Args:
        cfg: Config of the run; changed.

    Raises:
        ValueError: If the pipeline of the test data makes no crops, so that the views cannot be made.
    """
    tta_model = dict(cfg.get('tta_model') or dict(type='MeshTTAModel'))
    cfg.model = ConfigDict(tta_model, module=cfg.model)
    if not _change_pipelines(cfg.test_dataloader.dataset, cfg.get('tta_pipeline')):
        raise ValueError(
            'test-time augmentation found no MultiRoICrop in the pipeline of '
            'test_dataloader.dataset: write tta_pipeline in the config'
        )


def mirrored_views(pipeline: Sequence[dict]) -> list[dict]:
    """Pipeline of the test as one that gives each person as seen and mirrored.

    Args:
        pipeline: With ``MultiRoICrop``.

    Returns:
        list[dict]: The steps before the crop, then ``TestTimeAug`` with the rest.
    """
    steps = deepcopy(list(pipeline))
    crop = next(index for index, step in enumerate(steps) if _is_crop(step))
    steps[crop]['mirror_rois'] = True
    mirror = [dict(type='RandomMirror', prob=0.0), dict(type='RandomMirror', prob=1.0)]
    rest = [[step] for step in steps[crop:]]
    return [*steps[:crop], dict(type='TestTimeAug', transforms=[mirror, *rest])]


def _change_pipelines(config: Any, tta_pipeline: list[dict] | None) -> bool:
    """Change all pipelines with crops within a data set's config; whether there was one."""
    if not isinstance(config, dict | list):
        return False
    found = False
    for value in list(config.values()) if isinstance(config, dict) else config:
        found |= _change_pipelines(value, tta_pipeline)
    if isinstance(config, dict) and any(_is_crop(step) for step in config.get('pipeline') or ()):
        config['pipeline'] = deepcopy(tta_pipeline) or mirrored_views(config['pipeline'])
        found = True
    return found


def _is_crop(step: Any) -> bool:
    return isinstance(step, dict) and str(step.get('type')).rpartition('.')[2] == 'MultiRoICrop'
