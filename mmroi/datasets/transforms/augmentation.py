"""Augmentations that are exact changes of the camera.

The camera rolls about its optical axis, or the world is mirrored about the vertical plane through it. The
labels change accordingly, so one full camera still projects the body onto the 2D keypoints of all RoIs.
Pixels are not touched here: ``MultiRoICrop`` applies ``aug_matrix``. All transforms draw from NumPy's global
generator, which MMEngine seeds in each worker.
"""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmroi.geometry import axis_angle_to_matrix, matrix_to_axis_angle, mirror_matrix, mirror_pose, roll_matrix
from mmroi.registry import TRANSFORMS
from mmroi.structures import flip_indices


@TRANSFORMS.register_module()
class RandomCameraRoll(BaseTransform):
    """Roll the camera about its optical axis.

    The image rotates about the principal point, and with it box centers, keypoints, the root joint and the
    global orientation.

    Modified keys: ``box``, ``aug_matrix``, ``roll`` (radians), and if present ``keypoints2d``,
    ``keypoints3d``, ``pelvis``, ``global_orient``.

    Args:
        max_angle: Largest angle in degrees.
        prob: Probability of a roll.
        std: Standard deviation in degrees of a normal distribution, clipped at ``max_angle``. By default the
            distribution is uniform. SPIN uses ``max_angle=60, std=30, prob=0.4``.
    """

    def __init__(self, max_angle: float = 30.0, prob: float = 0.6, std: float | None = None) -> None:
        self.max_angle = max_angle
        self.prob = prob
        self.std = std

    @cache_randomness
    def _angle(self) -> float:
        if np.random.rand() >= self.prob:
            return 0.0
        if self.std is None:
            angle = np.random.uniform(-self.max_angle, self.max_angle)
        else:
            angle = np.clip(np.random.normal(0, self.std), -self.max_angle, self.max_angle)
        return float(np.deg2rad(angle))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Roll the camera.

        Args:
            results: The sample, after ``GetPersonBox``.

        Returns:
            The sample as seen by the rolled camera.
        """
        angle = self._angle()
        if angle == 0:
            return results
        rotation = roll_matrix(angle)
        _move_camera(results, rotation.numpy())
        if 'global_orient' in results:
            orient = torch.from_numpy(results['global_orient'])
            rolled = matrix_to_axis_angle(rotation @ axis_angle_to_matrix(orient.double()))
            results['global_orient'] = rolled.to(orient.dtype).numpy()
        results['roll'] = angle
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(max_angle={self.max_angle}, prob={self.prob}, std={self.std})'


@TRANSFORMS.register_module()
class RandomMirror(BaseTransform):
    """Mirror the scene about the vertical plane through the optical axis.

    Left and right joints are swapped, so the label is a valid pose of the mirrored person.

    Modified keys: ``box``, ``aug_matrix``, ``flip``, and if present ``keypoints2d``, ``keypoints3d``,
    ``pelvis``, ``global_orient`` and ``body_pose``.

    Args:
        prob: Probability of mirroring.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob
        self._partners = list(flip_indices('smpl_54'))

    @cache_randomness
    def _mirror(self) -> bool:
        return bool(np.random.rand() < self.prob)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror the sample.

        Args:
            results: The sample, after ``GetPersonBox``.

        Returns:
            The mirrored sample.
        """
        if not self._mirror():
            return results
        _move_camera(results, mirror_matrix().numpy())
        for key in ('keypoints2d', 'keypoints3d'):
            if key in results:
                results[key] = results[key][self._partners]
        if 'global_orient' in results:
            pose = np.concatenate((results['global_orient'][None], results['body_pose']))
            pose = mirror_pose(torch.from_numpy(pose)).numpy()
            results['global_orient'], results['body_pose'] = pose[0], pose[1:]
        results['flip'] = not results['flip']
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class RandomBoxScale(BaseTransform):
    """Scale the base box, and nothing else.

    Modified keys: ``box``.

    Args:
        factor: The box is scaled by 1 + N(0, factor), clipped to [1 - factor, 1 + factor] (SPIN).
    """

    def __init__(self, factor: float = 0.25) -> None:
        if not 0 <= factor < 1:
            raise ValueError(f'factor must lie in [0, 1), got {factor}')
        self.factor = factor

    @cache_randomness
    def _scale(self) -> float:
        return float(np.clip(1 + np.random.normal(0, self.factor), 1 - self.factor, 1 + self.factor))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale the box.

        Args:
            results: The sample, after ``GetPersonBox``.

        Returns:
            The sample.
        """
        results['box'] = results['box'] * (1, 1, self._scale())
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(factor={self.factor})'


@TRANSFORMS.register_module()
class RandomBoxShift(BaseTransform):
    """Move the base box, as detectors do.

    Modified keys: ``box``.

    Args:
        factor: The center moves by N(0, factor) in x and in y, clipped to [-2 factor, 2 factor], in units of
            the box's height.
    """

    def __init__(self, factor: float = 0.05) -> None:
        if not 0 <= factor < 0.5:
            raise ValueError(f'factor must lie in [0, 0.5), got {factor}')
        self.factor = factor

    @cache_randomness
    def _shift(self) -> np.ndarray:
        return np.clip(np.random.normal(0, self.factor, 2), -2 * self.factor, 2 * self.factor)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Move the box.

        Args:
            results: The sample, after ``GetPersonBox``.

        Returns:
            The sample.
        """
        results['box'] = results['box'] + np.append(self._shift() * results['box'][2], 0)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(factor={self.factor})'


@TRANSFORMS.register_module()
class RandomChannelNoise(BaseTransform):
    """Draw a gain per color channel, shared by all RoIs, which ``MultiRoICrop`` applies to the crops.

    Added keys: ``channel_gain`` (3,).

    Args:
        factor: Gains are uniform in [1 - factor, 1 + factor] (SPIN).
    """

    def __init__(self, factor: float = 0.4) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f'factor must lie in [0, 1], got {factor}')
        self.factor = factor

    @cache_randomness
    def _gain(self) -> np.ndarray:
        return np.random.uniform(1 - self.factor, 1 + self.factor, 3)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the gains.

        Args:
            results: The sample.

        Returns:
            The sample.
        """
        results['channel_gain'] = self._gain()
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(factor={self.factor})'


def _move_camera(results: dict[str, Any], matrix: np.ndarray) -> None:
    """Apply a linear map of camera space that preserves the optical axis to 3D points and to pixels."""
    results['aug_matrix'] = matrix @ results['aug_matrix']
    box = results['box'].copy()
    box[:2] = matrix[:2, :2] @ box[:2]
    results['box'] = box
    for key, dims in (('keypoints2d', 2), ('keypoints3d', 3)):
        if key in results:
            keypoints = results[key].copy()
            keypoints[:, :dims] = keypoints[:, :dims] @ matrix[:dims, :dims].T
            results[key] = keypoints
    if 'pelvis' in results:
        results['pelvis'] = (matrix @ results['pelvis']).astype(results['pelvis'].dtype)
