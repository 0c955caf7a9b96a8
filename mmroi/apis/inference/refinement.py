"""Refinement of the people in a group of frames: where their keypoints come from, and what is reported."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmroi.apis.inference.crop_keypoints import CropKeypoints
from mmroi.apis.inference.frames import Frame
from mmroi.apis.inference.motion_refinement import MotionRefinement
from mmroi.apis.inference.movenet_people import MoveNetPeople
from mmroi.apis.inference.results import Estimate
from mmroi.body_models import SMPL
from mmroi.models.refiners import KeypointRefiner, refine_samples
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample, convert_keypoints
from mmroi.utils.choices import KEYPOINT_SOURCES, KeypointSource

OF_ANOTHER = 'kept: the keypoints are those of another person'
_SAME = 0.04  # median distance of the keypoints of one person found twice, fraction of the RoI's height
_MARGIN = 0.1  # of people around their keypoints, fraction of their extent


class PeopleRefiner:
    """Refines people with the keypoints that the user gave, else with those found in their crops.

    Args:
        refiner: A :class:`KeypointRefiner`, or its config, in which ``keypoints`` and ``window``
            are the arguments below.
        body_model: Of the network.
        device: Device of the network of keypoints.
        window: Number of frames of a video that are fitted together, odd, see :class:`MotionRefinement`; 0
            fits every frame on its own.
        keypoints: ``'crop'``: MoveNet Thunder looks at the base RoI, the most precise keypoints.
            ``'detector'``: those of the detector, where it finds any; they cost nothing.

    Raises:
        ValueError: If ``keypoints`` is unknown or ``window`` cannot be used.
    """

    def __init__(
        self,
        refiner: KeypointRefiner | dict[str, Any] | None,
        body_model: SMPL,
        device: str,
        keypoints: KeypointSource = 'crop',
        window: int = 0,
    ) -> None:
        if isinstance(refiner, KeypointRefiner):
            self._refiner = refiner
        else:
            options = dict(refiner or {})
            keypoints, window = options.pop('keypoints', keypoints), options.pop('window', window)
            self._refiner = MODELS.build(dict(dict(type='KeypointRefiner', body_model=body_model), **options))
        if keypoints not in KEYPOINT_SOURCES:
            raise ValueError(
                f'refiner: keypoints must be one of {", ".join(KEYPOINT_SOURCES)}, not {keypoints!r}'
            )
        self._keypoints, self._device = keypoints, device
        self.over_time = MotionRefinement(body_model, window) if window else None
        self._find: CropKeypoints | None = None

    def check_finder(self, find_people: object) -> None:
        """Check that keypoints of the detector, if they are wanted, are found.

        Args:
            find_people: What finds the people.

        Raises:
            ValueError: It finds none.
        """
        if self._keypoints == 'detector' and not isinstance(find_people, MoveNetPeople):
            raise ValueError(
                "keypoints='detector' (--refine-keypoints detector) has no effect: they are those of "
                'the detector movenet, which does not find the people of this run; leave it out, or choose '
                '--det-model movenet without boxes or keypoints of your own'
            )

    def __call__(self, frames: Sequence[Frame], samples: Sequence[HMRDataSample]) -> list[Estimate]:
        """Refine people in place.

        Keypoints that were found for two people of a frame belong to the one whose box they fill. The other,
        who is hidden, keeps the start.

        Args:
            frames: The frame of each person.
            samples: The people, see :class:`FrameResult`; at least one.

        Returns:
            What was found for each of them.
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
        shared = _shared_keypoints(frames, samples, keypoints, unknown, self._refiner.min_confidence)
        for row in shared:
            relative[row] = None
        refined = refine_samples(self._refiner, samples, relative)
        for row in shared:
            samples[row].refinement['status'] = OF_ANOTHER
        rows = [slice(row, row + 1) for row in range(len(samples))]
        return [Estimate(refined.state[row], refined.information[row][0]) for row in rows]

    def _known(self, sample: HMRDataSample) -> np.ndarray | None:
        """Keypoints (54, 3) in pixels that need not be looked for."""
        if 'keypoints' in sample:
            return np.asarray(sample.keypoints, np.float64)
        if self._keypoints == 'detector' and 'det_keypoints' in sample:
            return convert_keypoints(np.asarray(sample.det_keypoints, np.float64), 'coco', 'smpl_54')[0]
        return None


def _shared_keypoints(
    frames: Sequence[Frame],
    samples: Sequence[HMRDataSample],
    keypoints: Sequence[np.ndarray | None],
    rows: Sequence[int],
    min_confidence: float,
) -> list[int]:
    """Return those of the rows whose keypoints were found for a better row of the same frame, too."""
    seen = {}
    for row in rows:
        points = np.asarray(keypoints[row])
        seen[row] = np.where(points[:, 2:] >= min_confidence, points[:, :2], np.nan)
    fit = {row: _overlap(points, samples[row].bbox) for row, points in seen.items()}
    owners: list[int] = []
    shared: list[int] = []
    for row in sorted(fit, key=lambda row: -fit[row]):
        size = float(samples[row].boxes[0][2])
        twins = (
            _distance(seen[row], seen[owner]) < _SAME * min(size, float(samples[owner].boxes[0][2]))
            for owner in owners
            if frames[owner] is frames[row]
        )
        (shared if any(twins) else owners).append(row)
    return shared


def _overlap(points: np.ndarray, bbox: np.ndarray) -> float:
    """Intersection over union of a box and the extent of the keypoints (K, 2) in it."""
    known = points[~np.isnan(points[:, 0])]
    if not len(known):
        return 0.0
    margin = _MARGIN / 2 * np.ptp(known, axis=0).max()
    low, high = known.min(0) - margin, known.max(0) + margin
    corners = np.asarray(bbox, np.float64)
    inner = np.clip(np.minimum(high, corners[2:]) - np.maximum(low, corners[:2]), 0, None).prod()
    return float(inner / max((high - low).prod() + (corners[2:] - corners[:2]).prod() - inner, 1e-9))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Median distance of the joints that both have, pixels."""
    distances = np.linalg.norm(one - other, axis=1)
    known = distances[~np.isnan(distances)]
    return float(np.median(known)) if len(known) else np.inf
