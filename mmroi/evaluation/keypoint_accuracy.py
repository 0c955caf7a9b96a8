"""PCK of projected joints: predictions against 2D annotations of real people.

An annotated joint is correct if its prediction is closer to it than a fraction of the longer side of the
annotated box: "PCK@0.1 of the longer side" (Yang and Ramanan, PAMI 2013). Joints are pooled, so people
count by their number of annotated joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mmroi.evaluation.functional import joint_errors, pck
from mmroi.evaluation.tables import Table
from mmroi.structures import SMPL_54
from mmroi.utils.choices import PCK_THRESHOLDS


@dataclass(frozen=True, eq=False)
class PersonKeypoints:
    """One annotated person and the predictions for him or her.

    Attributes:
        image: Name of the image's file, as in the annotations.
        annotation_id: ``id`` of the annotation.
        bbox: (4,) annotated corners x1, y1, x2, y2 in pixels.
        annotated: (54, 3) x, y in pixels and 1, or 0 where nothing is annotated; convention ``smpl_54``.
        predicted: (54, 2) pixels; None if the person was not found.
        mean_pose: (54, 2) pixels, joints of the mean pose in the same box; None if not found.
        score: Confidence of the box, 1 if it was given; None if not found.
    """

    image: str
    annotation_id: Any
    bbox: np.ndarray
    annotated: np.ndarray
    predicted: np.ndarray | None = None
    mean_pose: np.ndarray | None = None
    score: float | None = None

    @property
    def found(self) -> bool:
        """Whether there is a prediction."""
        return self.predicted is not None

    @property
    def size(self) -> float:
        """Longer side of the annotated box, pixels."""
        return float((self.bbox[2:] - self.bbox[:2]).max())

    @cached_property
    def errors(self) -> np.ndarray:
        """(54,) distances / ``size``; NaN where nothing is annotated, infinite if the person is missed."""
        return self._errors(self.predicted)

    @cached_property
    def mean_pose_errors(self) -> np.ndarray:
        """As ``errors``, of the mean pose."""
        return self._errors(self.mean_pose)

    @property
    def mean_error(self) -> float:
        """Mean of ``errors`` over the annotated joints."""
        return float(np.nanmean(self.errors))

    def pck(self, threshold: float) -> float:
        """Percentage of annotated joints with an error below a threshold, a fraction of ``size``."""
        return _pck(self.errors, threshold)

    def _errors(self, points: np.ndarray | None) -> np.ndarray:
        known = self.annotated[:, 2] > 0
        errors = np.full(len(known), np.nan)
        if points is None:
            errors[known] = np.inf
        else:
            pair = (
                torch.as_tensor(array[known, :2], dtype=torch.float64) for array in (points, self.annotated)
            )
            errors[known] = joint_errors(*pair).numpy() / self.size
        return errors


class KeypointAccuracy:
    """PCK over people, with confidence intervals.

    Args:
        people: At least one person.
        thresholds: Fractions of the longer side of the annotated box.
        resamples: Number of bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        ValueError: If there is nobody, or a threshold is not positive.
    """

    def __init__(
        self,
        people: Sequence[PersonKeypoints],
        thresholds: Sequence[float] = PCK_THRESHOLDS,
        resamples: int = 2000,
        seed: int = 0,
    ) -> None:
        if not people:
            raise ValueError('PCK needs at least one person with keypoints')
        if not all(threshold > 0 for threshold in thresholds):
            raise ValueError(f'thresholds of PCK must be positive, not {list(thresholds)}')
        self.people = people
        self.thresholds = tuple(thresholds)
        self._resamples, self._seed = resamples, seed

    @property
    def found(self) -> list[PersonKeypoints]:
        """The people with a prediction."""
        return [person for person in self.people if person.found]

    def per_joint(self) -> Table:
        """Tabulate the PCK of each joint over all people; the joints of missed people are wrong.

        Returns:
            Number of annotations and PCK at each threshold, of each annotated joint of ``smpl_54``.
        """
        errors = np.stack([person.errors for person in self.people]).T
        rows = [
            (name, int((~np.isnan(row)).sum()), *(_pck(row, threshold) for threshold in self.thresholds))
            for name, row in zip(SMPL_54, errors, strict=True)
            if not np.isnan(row).all()
        ]
        return Table(('joint', 'annotations', *(f'PCK@{threshold:g}' for threshold in self.thresholds)), rows)

    def summary(self) -> dict[str, Any]:
        """Summarize.

        Returns:
            Number of ``images``, ``people``, people ``found`` and annotated ``joints``; ``PCK`` of ``all``
            people (missed ones are wrong), of those ``found``, and of the ``mean_pose`` for those found: for
            each a list with ``threshold``, ``PCK`` in % and its 95 % ``interval``. If nobody is found, only
            ``all`` is there.
        """
        found = self.found
        errors = dict(
            all=[person.errors for person in self.people],
            found=[person.errors for person in found],
            mean_pose=[person.mean_pose_errors for person in found],
        )
        return dict(
            images=len({person.image for person in self.people}),
            people=len(self.people),
            found=len(found),
            joints=int(sum((person.annotated[:, 2] > 0).sum() for person in self.people)),
            PCK={
                name: self._with_intervals(np.stack(rows), self.people if name == 'all' else found)
                for name, rows in errors.items()
                if rows
            },
        )

    def _with_intervals(self, errors: np.ndarray, people: Sequence[PersonKeypoints]) -> list[dict[str, Any]]:
        images = [person.image for person in people]
        intervals = bootstrap_intervals(errors, images, self.thresholds, self._resamples, self._seed)
        return [
            dict(threshold=threshold, PCK=_pck(errors, threshold), interval=interval)
            for threshold, interval in zip(self.thresholds, intervals, strict=True)
        ]


def _pck(errors: np.ndarray, threshold: float) -> float:
    known = torch.from_numpy(errors[~np.isnan(errors)])
    return float(pck(known[None], threshold))


def bootstrap_intervals(
    errors: np.ndarray,
    images: Sequence[str],
    thresholds: Sequence[float],
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> list[list[float]]:
    """Estimate confidence intervals of PCK by the bootstrap over images.

    Images are drawn with replacement rather than people, because people in one image have much in common.

    Args:
        errors: (N, 54), NaN where nothing is annotated.
        images: Name of the image of each person.
        thresholds: As of the errors.
        resamples: Number of samples.
        seed: Random seed.
        confidence: Fraction of the samples inside.

    Returns:
        Low and high percentage for each threshold. With a single image both are its PCK.
    """
    names, image_of_person = np.unique(np.asarray(images), return_inverse=True)
    counts = np.zeros((len(names), 1 + len(thresholds)))  # annotated and correct joints of each image
    correct = [(errors < threshold).sum(axis=1) for threshold in thresholds]
    np.add.at(counts, image_of_person, np.column_stack([(~np.isnan(errors)).sum(axis=1), *correct]))
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, counts.shape[1]))
    for i in range(resamples):
        drawn[i] = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)) @ counts
    tail = (1 - confidence) / 2
    limits = np.quantile(100 * drawn[:, 1:] / drawn[:, :1], (tail, 1 - tail), axis=0)
    return [[float(low), float(high)] for low, high in limits.T]
