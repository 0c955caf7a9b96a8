"""MMPose's top-down pipeline on our people, if MMPose is installed: its own transforms, one crop a sample."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from mmengine.dataset import Compose

from mmroi.structures import convert_keypoints, flip_indices

MMPOSE = "MMPose's top-down pipeline, for each crop"


def build_mmpose_pipeline(crop_size: tuple[int, int]) -> Callable[[dict[str, Any]], dict[str, Any]] | str:
    """Build the training pipeline of MMPose's top-down heatmap configs, with its default augmentation.

    ``RandomHalfBody`` is left out, which most people do not pass through.

    Args:
        crop_size: Height and width of the crops.

    Returns:
        The pipeline, which takes samples of :func:`mmpose_sample`; or why there is none.
    """
    try:
        transforms = importlib.import_module('mmpose.datasets.transforms')
    except ModuleNotFoundError as error:
        return f'not installed ({error.name})'
    except Exception as error:  # other versions of MMCV and NumPy make it raise almost anything
        return f'cannot be imported ({" ".join(str(error).split())})'
    height, width = crop_size
    size = dict(input_size=(width, height), heatmap_size=(width // 4, height // 4))
    return Compose(
        [
            transforms.LoadImage(),
            transforms.GetBBoxCenterScale(),
            transforms.RandomFlip(direction='horizontal'),
            transforms.RandomBBoxTransform(),
            transforms.TopdownAffine(input_size=(width, height)),
            transforms.GenerateTarget(encoder=dict(type='MSRAHeatmap', sigma=2, **size)),
            transforms.PackPoseInputs(),
        ]
    )


def mmpose_sample(person: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a person to a sample of MMPose's ``CocoDataset`` before its pipeline.

    Args:
        person: Sample before our pipeline.

    Returns:
        ``img_path``, ``bbox`` (1, 4) corners, ``bbox_score`` (1,), ``keypoints`` (1, 17, 2) in pixels,
        ``keypoints_visible`` (1, 17) and ``flip_indices``.
    """
    x, y, width, height = person['bbox_xywh']
    keypoints, _ = convert_keypoints(np.asarray(person['keypoints2d'], np.float32), 'smpl_54', 'coco')
    return dict(
        img_path=person['img_path'],
        bbox=np.array([[x, y, x + width, y + height]], np.float32),
        bbox_score=np.ones(1, np.float32),
        keypoints=keypoints[None, :, :2],
        keypoints_visible=(keypoints[None, :, 2] > 0).astype(np.float32),
        flip_indices=list(flip_indices('coco')),
    )
