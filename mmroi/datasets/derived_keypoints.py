"""Keypoints and root positions computed from SMPL parameters and the camera."""

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from mmroi.body_models import GenderedBodies, normalize_gender

_MARGIN = 0.25  # of a box's size, on each side


class DerivedKeypoints:
    """Computes the keypoints that a row lacks from its body.

    Pose, shape and translation give the 54 joints in the camera frame, and the camera their pixels. Genders
    have their own body if the folder of the config contains it. Bodies are built when first needed and are
    not pickled into spawned workers.

    Args:
        body_model: Config such as ``dict(type='SMPL', model_path='data/body_models/smpl')``.
    """

    def __init__(self, body_model: dict[str, Any]) -> None:
        self.body_model = body_model
        self._bodies: GenderedBodies | None = None
        self._missing: set[str] = set()

    def build(self, genders: Iterable[str], source: str) -> None:
        """Build the bodies before loader workers start, so that all workers share their memory.

        Args:
            genders: Genders in any spelling.
            source: Name of the file, for messages.

        Raises:
            FileNotFoundError: The file of the neutral body is missing.
            ValueError: A gender is unknown.
        """
        names = sorted({normalize_gender(gender, source) for gender in genders})
        for name in names:
            self._body(name)
        missing = self._missing.intersection(names)
        if missing:
            print_log(
                f'{source}: keypoints of {", ".join(sorted(missing))} bodies are derived from the '
                f'neutral body; put their files beside it in {self.body_model["model_path"]}',
                'current',
                logging.WARNING,
            )

    @torch.inference_mode()
    def complete(self, sample: dict[str, Any], transl: np.ndarray) -> None:
        """Fill in missing 2D keypoints, 3D keypoints or root position of a row with SMPL parameters.

        Keypoints get confidence 1, except 2D keypoints behind the camera, which get 0. If the 2D keypoints
        lie outside the box, because the translation or the camera is wrong, the row gets none.

        Args:
            sample: The row, modified in place.
            transl: (3,) SMPL's translation in the camera frame, meters.
        """
        camera = sample['focal_length'], sample['principal_point']
        lacks_2d = not sample['has_keypoints2d'] and camera[0] is not None and camera[1] is not None
        lacks_3d = not sample['has_keypoints3d']
        if not (lacks_2d or lacks_3d or not sample['has_transl']):
            return
        body = self._body(normalize_gender(sample['gender']))
        orient, pose, betas = (
            torch.from_numpy(sample[name])[None] for name in ('global_orient', 'body_pose', 'betas')
        )
        transl = np.asarray(transl, np.float32)
        if not sample['has_transl']:
            sample.update(has_transl=True, pelvis=body.rest_root(betas)[0].numpy() + transl)
        if lacks_2d or lacks_3d:
            joints = body.forward_joints(orient, pose, betas).joints[0].numpy() + transl
        if lacks_3d:
            ones = np.ones((len(joints), 1), np.float32)
            sample.update(keypoints3d=np.concatenate((joints, ones), 1), has_keypoints3d=True)
        if lacks_2d:
            keypoints2d = _seen(joints, *camera)
            if lies_in_box(keypoints2d, sample['bbox_xywh']):
                sample.update(keypoints2d=keypoints2d, has_keypoints2d=True)

    def _body(self, gender: str) -> Any:
        if self._bodies is None:
            self._bodies = GenderedBodies(self.body_model).requires_grad_(False)
            self._missing = set(self._bodies.find_missing())
        return self._bodies.get('neutral' if gender in self._missing else gender)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_bodies': None}


def _seen(joints: np.ndarray, focal_length: float | np.ndarray, principal_point: np.ndarray) -> np.ndarray:
    """Project joints (54, 3) in the camera frame to (54, 3) pixels and confidence."""
    keypoints = np.zeros((len(joints), 3), np.float32)
    front = joints[:, 2] > 0
    points = joints[front].astype(np.float64)
    keypoints[front, :2] = points[:, :2] / points[:, 2:] * focal_length + principal_point
    keypoints[front, 2] = 1
    return keypoints


def lies_in_box(keypoints2d: np.ndarray, bbox_xywh: np.ndarray) -> bool:
    """Whether most 2D keypoints lie inside the box, with a margin of a quarter of its size.

    Args:
        keypoints2d: (K, 3) pixels and confidence.
        bbox_xywh: (4,) pixels.
    """
    low, size = bbox_xywh[:2], bbox_xywh[2:]
    points, seen = keypoints2d[:, :2], keypoints2d[:, 2] > 0
    inside = ((points >= low - _MARGIN * size) & (points <= low + (1 + _MARGIN) * size)).all(1)
    return bool(2 * np.count_nonzero(inside & seen) > len(points))
