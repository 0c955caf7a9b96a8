"""Refinement of the people in a group of frames: where their keypoints come from, and what is reported."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from mmroi.apis.inference.crop_keypoints import CropKeypoints
from mmroi.apis.inference.frames import Frame
from mmroi.body_models import SMPL
from mmroi.models.refiners import KeypointRefiner, refine_samples
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample, convert_keypoints

Source = Literal['crop', 'detector']
SOURCES: tuple[Source, ...] = ('crop', 'detector')


class PeopleRefiner:
    """Refines people with the keypoints that the user gave, else with those found in their crops.

    Args:
        refiner: A :class:`KeypointRefiner`, or its config; ``keypoints`` in it is the argument below.
        body_model: Of the network.
        device: Device of the network of keypoints.
        keypoints: ``'crop'``: MoveNet Thunder looks at the base RoI, the most precise keypoints.
            ``'detector'``: those of the detector, where it finds any; they cost nothing.

    Raises:
        ValueError: If ``keypoints`` is unknown.
    """

    def __init__(
        self,
        refiner: KeypointRefiner | dict[str, Any] | None,
        body_model: SMPL,
        device: str,
        keypoints: Source = 'crop',
    ) -> None:
        if isinstance(refiner, KeypointRefiner):
            self._refiner = refiner
        else:
            options = dict(refiner or {})
            keypoints = options.pop('keypoints', keypoints)
            self._refiner = MODELS.build(dict(dict(type='KeypointRefiner', body_model=body_model), **options))
        if keypoints not in SOURCES:
            raise ValueError(f'refiner: keypoints must be one of {", ".join(SOURCES)}, not {keypoints!r}')
        self._keypoints, self._device = keypoints, device
        self._find: CropKeypoints | None = None

    def __call__(self, frames: Sequence[Frame], samples: Sequence[HMRDataSample]) -> None:
        """Refine people in place.

        Args:
            frames: The frame of each person.
            samples: The people, see :class:`FrameResult`.
        """
        keypoints = [self._known(sample) for sample in samples]
        unknown = [row for row, points in enumerate(keypoints) if points is None]
        if unknown:
            self._find = self._find or CropKeypoints(device=self._device)
            found = self._find(
                [frames[row].image for row in unknown],
                np.stack([samples[row].boxes[0] for row in unknown]),
                np.stack([np.asarray(samples[row].principal_point, np.float64) for row in unknown]),
            )
            for row, points in zip(unknown, found, strict=True):
                keypoints[row] = convert_keypoints(points, 'coco', 'smpl_54')[0]
        relative = [
            None if points is None else points - (*np.asarray(sample.principal_point, np.float64), 0)
            for points, sample in zip(keypoints, samples, strict=True)
        ]
        refine_samples(self._refiner, samples, relative)

    def _known(self, sample: HMRDataSample) -> np.ndarray | None:
        """Keypoints (54, 3) in pixels that need not be looked for."""
        if 'keypoints' in sample:
            return np.asarray(sample.keypoints, np.float64)
        if self._keypoints == 'detector' and 'det_keypoints' in sample:
            return convert_keypoints(np.asarray(sample.det_keypoints, np.float64), 'coco', 'smpl_54')[0]
        return None
