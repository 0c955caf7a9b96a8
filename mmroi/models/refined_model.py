"""A model whose predictions are refined with annotated keypoints, for tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.model import BaseTTAModel
from torch import nn

from mmroi.models.refiners.keypoint_refiner import KeypointRefiner
from mmroi.models.refiners.sample_refinement import refine_samples
from mmroi.registry import MODELS
from mmroi.structures import SMPL_54, HMRDataSample, get_convention

__all__ = ['RefinedModel']

_NOISE_AT = 256  # pixels: the size of a person at which noise is stated


@MODELS.register_module()
class RefinedModel(BaseTTAModel):
    """An estimator followed by a :class:`KeypointRefiner` that sees the annotated 2D keypoints, with noise.

    This measures what refinement does with keypoints of known quality.

    Args:
        module: The estimator, or its config.
        refiner: Config of the refiner; it gets the body of the estimator.
        convention: The joints that are seen, such as those of ``coco``.
        noise: Standard deviation, pixels of a person whose base RoI has a height of 1.2 x 256 pixels.
        missing: Share of the keypoints that are left out.
        seed: Of noise and omissions. They also depend on the person, but not on the order of the samples.
        data_preprocessor: Config, for an estimator without one.

    Raises:
        ValueError: If the convention is unknown, none of its joints is one of ``smpl_54``, or noise or
            missing are out of range.
    """

    def __init__(
        self,
        module: nn.Module | dict[str, Any],
        refiner: dict[str, Any] | None = None,
        convention: str = 'coco',
        noise: float = 0.0,
        missing: float = 0.0,
        seed: int = 0,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        numbers = all(isinstance(value, int | float) for value in (noise, missing))
        if not numbers or not 0 <= noise < float('inf') or not 0 <= missing <= 1:
            raise ValueError(
                'RefinedModel: noise is a number of pixels, not negative, and missing a share between 0 and '
                f'1, not noise={noise}, missing={missing}'
            )
        super().__init__(module, data_preprocessor)
        config = dict(type='KeypointRefiner', body_model=self.module.body_model, **(refiner or {}))
        self._refiner: list[KeypointRefiner] = [MODELS.build(config)]  # in a list: it has no weights
        self.noise, self.missing, self.seed = noise, missing, seed
        names = set(get_convention(convention))
        self.joints = np.array([name in names for name in SMPL_54])
        if not self.joints.any():
            raise ValueError(f"RefinedModel: convention {convention!r} has no joint of 'smpl_54'")

    def test_step(self, data: dict[str, Any]) -> list[HMRDataSample]:
        """Predict and refine.

        Args:
            data: Batch of the loader, with annotated keypoints.

        Returns:
            The samples, with ``pred_instances``.
        """
        samples = self.module.test_step(data)
        (refiner,) = self._refiner
        refine_samples(refiner.to(samples[0].pred_instances.betas.device), samples, self._observe(samples))
        return samples

    def merge_preds(self, data_samples_list: Sequence[Sequence[HMRDataSample]]) -> list[HMRDataSample]:
        """Return the only view of each person."""
        return [views[0] for views in data_samples_list]

    def _observe(self, samples: Sequence[HMRDataSample]) -> list[np.ndarray | None]:
        """Keypoints as a detector of this quality would find them."""
        observed: list[np.ndarray | None] = []
        for sample in samples:
            if not float(sample.gt_instances.has_keypoints2d.flatten()[0]):
                observed.append(None)
                continue
            points = sample.gt_instances.keypoints2d[0].cpu().double().numpy().copy()
            rng = np.random.default_rng([self.seed, sample.get('person_id', 0)])
            size = float(sample.boxes[0][2]) / 1.2
            points[:, :2] += rng.normal(0, self.noise * size / _NOISE_AT, points[:, :2].shape)
            seen = (rng.random(len(points)) >= self.missing) & self.joints
            points[:, 2] *= seen
            observed.append(points)
        return observed
