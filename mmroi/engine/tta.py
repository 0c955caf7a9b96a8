"""Test-time augmentation as a change of the config."""

from copy import deepcopy

from mmengine.config import Config, ConfigDict

from mmroi.datasets import MultiRoICrop
from mmroi.engine.pipelines import Pipeline, change_pipelines, is_step


def use_tta(cfg: Config) -> None:
    """Make a test predict from the image and its mirror image.

    The model becomes ``cfg.tta_model`` around it, :class:`mmroi.models.tta.MeshTTAModel` by default; the
    pipelines of the test data become ``cfg.tta_pipeline``, by default their own with both views.

    Args:
        cfg: Config of the run; changed.

    Raises:
        ValueError: If the pipeline of the test data makes no crops, so that the views cannot be made.
    """
    tta_model = dict(cfg.get('tta_model') or dict(type='MeshTTAModel'))
    cfg.model = ConfigDict(tta_model, module=cfg.model)
    tta_pipeline = cfg.get('tta_pipeline')
    try:
        change_pipelines(
            cfg.test_dataloader.dataset,
            lambda steps: deepcopy(tta_pipeline) if tta_pipeline else mirrored_views(steps),
        )
    except ValueError:
        raise ValueError(
            'test-time augmentation found no MultiRoICrop in the pipeline of test_dataloader.dataset: write '
            'tta_pipeline in the config'
        ) from None


def mirrored_views(pipeline: Pipeline) -> Pipeline:
    """Turn a test pipeline into one that gives each person as seen and mirrored.

    Args:
        pipeline: With ``MultiRoICrop``.

    Returns:
        list[dict]: The steps before the crop, then ``TestTimeAug`` with the rest.
    """
    steps = deepcopy(list(pipeline))
    crop = next(index for index, step in enumerate(steps) if is_step(step, MultiRoICrop))
    steps[crop]['mirror_rois'] = True
    mirror = [dict(type='RandomMirror', prob=0.0), dict(type='RandomMirror', prob=1.0)]
    rest = [[step] for step in steps[crop:]]
    return [*steps[:crop], dict(type='TestTimeAug', transforms=[mirror, *rest])]
