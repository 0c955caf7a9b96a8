"""PCK of projected joints: predictions against 2D annotations of real people.

An annotated joint is correct if its prediction is closer to it than a fraction of the longer side of the
annotated box: "PCK@0.1 of the longer side" (Yang and Ramanan, PAMI 2013). Joints are pooled, so people
count by their number of annotated joints.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmroi.evaluation.functional import joint_errors, pck
from mmroi.evaluation.tables import Table
from mmroi.fileio.atomic import atomic_write
from mmroi.structures import SMPL_54

THRESHOLDS = (0.05, 0.1, 0.2)
"""Fractions of the longer side of the annotated box."""


@dataclass(frozen=True, eq=False)
class PersonKeypoints:
    """One annotated person and the predictions for him or her.

    Attributes:
        image: Name of the image's file, as in the annotations.
        annotation_id: ``id`` of the annotation.
        bbox: (4,) annotated corners x1, y1, x2, y2 in pixels.
        annotated: (54, 3) x, y in pixels and 1, or 0 where nothing is annotated; convention ``smpl_54``.
        predicted: (54, 2) pixels; None if the person was not found.
        mean_pose: (54, 2) pixels, joints of the mean pose in the same box; None likewise.
        score: Confidence of the box, 1 if it was given; None likewise.
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
        ValueError: If there is nobody.
    """

    def __init__(
        self,
        people: Sequence[PersonKeypoints],
        thresholds: Sequence[float] = THRESHOLDS,
        resamples: int = 2000,
        seed: int = 0,
    ) -> None:
        if not people:
            raise ValueError('PCK needs at least one person with keypoints')
        self.people = people
        self.thresholds = tuple(thresholds)
        self._resamples, self._seed = resamples, seed

    @property
    def found(self) -> list[PersonKeypoints]:
        """The people with a prediction."""
        return [person for person in self.people if person.found]

    def per_joint(self, people: Sequence[PersonKeypoints] | None = None) -> Table:
        """Tabulate the PCK of each joint.

        Args:
            people: By default all; a missed person's joints are wrong.

        Returns:
            Number of annotations and PCK at each threshold, of each annotated joint of ``smpl_54``.
        """
        errors = np.stack([person.errors for person in people or self.people])
        rows = [
            (name, int((~np.isnan(errors_of_joint)).sum()))
            + tuple(_pck(errors_of_joint, threshold) for threshold in self.thresholds)
            for name, errors_of_joint in zip(SMPL_54, errors.T, strict=True)
            if not np.isnan(errors_of_joint).all()
        ]
        return Table(('joint', 'annotations', *(f'PCK@{threshold:g}' for threshold in self.thresholds)), rows)

    def summary(self) -> dict[str, Any]:
        """Summarize.

        Returns:
            ``people``, ``found``, ``joints`` (number of annotated ones); for each of ``all`` people (those
            missed count as wrong), those ``found`` and the ``mean_pose`` of those found: a list with
            ``threshold``, ``PCK`` in % and its 95 % ``interval``. Without anybody found, only ``all``.
        """
        found = self.found
        errors = {'pck_all': [person.errors for person in self.people]}
        images = {'pck_all': [person.image for person in self.people]}
        if found:
            errors['pck_found'] = [person.errors for person in found]
            errors['pck_mean_pose'] = [
                person.mean_pose_errors for person in found if person.mean_pose is not None
            ]
            images['pck_found'] = images['pck_mean_pose'] = [person.image for person in found]
        return dict(
            people=len(self.people),
            found=len(found),
            images=len({person.image for person in self.people}),
            joints=int(sum(person.annotated[:, 2].sum() for person in self.people)),
            **{name: self._with_intervals(errors[name], images[name]) for name in errors if errors[name]},
        )

    def _with_intervals(self, errors: Sequence[np.ndarray], images: Sequence[str]) -> list[dict[str, Any]]:
        rows = np.stack(errors)
        intervals = bootstrap_intervals(rows, images, self.thresholds, self._resamples, self._seed)
        return [
            dict(threshold=threshold, PCK=_pck(rows, threshold), interval=interval)
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


def format_accuracy(accuracy: KeypointAccuracy) -> str:
    """Format PCK per joint and over all joints as a table.

    Args:
        accuracy: The people.

    Returns:
        Lines of text; percentages, intervals in brackets.
    """
    summary, table = accuracy.summary(), accuracy.per_joint()
    lines = [f'{"":20}{"joints":>8}' + ''.join(f'{column:>22}' for column in table.columns[2:])]
    for name, count, *values in table.rows:
        lines.append(f'{name:20}{count:8d}' + ''.join(f'{value:10.1f}{"":12}' for value in values))
    counts = {'pck_all': accuracy.people, 'pck_found': accuracy.found, 'pck_mean_pose': accuracy.found}
    titles = {'pck_all': 'all people', 'pck_found': 'people found', 'pck_mean_pose': 'mean pose'}
    for key, title in titles.items():
        if key == 'pck_found' and len(accuracy.found) == len(accuracy.people):
            continue  # the same as all
        if key in summary:
            joints = int(sum(person.annotated[:, 2].sum() for person in counts[key]))
            cells = [
                f'{row["PCK"]:10.1f} [{row["interval"][0]:.1f}, {row["interval"][1]:.1f}]'
                for row in summary[key]
            ]
            lines.append(f'{title:20}{joints:8d}' + ''.join(f'{cell:22}' for cell in cells))
    lines.append(f'{summary["found"]} of {summary["people"]} people found in {summary["images"]} images')
    return '\n'.join(lines)


def save_people(accuracy: KeypointAccuracy, path: str | Path, extra: Mapping[str, Any]) -> None:
    """Write the results of every person.

    Args:
        accuracy: The people.
        path: ``.csv``: one row per person. ``.json``: also the summary, PCK per joint, and the pixels and
            error of each annotated joint.
        extra: Further entries of the JSON file, such as the model's name.

    Raises:
        ValueError: If the suffix is another.
    """
    path = Path(path)
    check_suffix(path)
    with atomic_write(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        rows = [_row(person, accuracy.thresholds) for person in accuracy.people]
        if path.suffix == '.csv':
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            return
        table = accuracy.per_joint()
        content = dict(
            extra,
            summary=accuracy.summary(),
            per_joint=[dict(zip(table.columns, row, strict=True)) for row in table.rows],
            people=[
                dict(row, joints=_joints(person)) for row, person in zip(rows, accuracy.people, strict=True)
            ],
        )
        json.dump(content, file, indent=1)


def check_suffix(path: Path) -> None:
    """Fail early if ``save_people`` cannot write a file.

    Raises:
        ValueError: If it is neither ``.csv`` nor ``.json``.
    """
    if path.suffix not in ('.csv', '.json'):
        raise ValueError(f'{path}: results are written as .csv or .json')


def _row(person: PersonKeypoints, thresholds: Sequence[float]) -> dict[str, Any]:
    """Return the results of a person as JSON types."""
    mean_error = person.mean_error
    return dict(
        image=person.image,
        annotation_id=person.annotation_id,
        **dict(zip(('x1', 'y1', 'x2', 'y2'), person.bbox.tolist(), strict=True)),
        found=person.found,
        score=person.score,
        annotations=int(person.annotated[:, 2].sum()),
        mean_error=mean_error if math.isfinite(mean_error) else None,
        **{f'PCK@{threshold:g}': person.pck(threshold) for threshold in thresholds},
    )


def _joints(person: PersonKeypoints) -> dict[str, Any]:
    return {
        SMPL_54[joint]: dict(
            annotated=person.annotated[joint, :2].tolist(),
            predicted=None if person.predicted is None else person.predicted[joint].tolist(),
            error=None if person.predicted is None else float(person.errors[joint]),
        )
        for joint in np.flatnonzero(person.annotated[:, 2]).tolist()
    }
