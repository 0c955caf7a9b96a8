"""Two results of the same people, before and after a change: who gains and who loses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.evaluation.mesh_results import MeshResults
from mmroi.structures import COCO_17, SMPL_54

ERRORS = ('MPJPE', 'PA-MPJPE', 'PVE', 'orientation', 'camera_translation')
PIXELS = '2D'
WORSE = 5.0  # mm of MPJPE
_PEOPLE = ('meta.img_path', 'meta.sample_idx')
_SIZE, _BOX_SCALE = 256, 1.2  # base RoIs are so much larger than people
_COCO = [SMPL_54.index(name) for name in COCO_17]


@dataclass(frozen=True)
class PairedErrors:
    """Errors of N people before and after a change.

    Attributes:
        before: (N,) errors by name: those of the metric, and ``2D``, the mean distance of those of COCO's 17
            joints that are annotated in the image, in pixels of people who are 256 pixels high. NaN where
            the annotation is missing.
        after: The same.
    """

    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]

    @property
    def worse(self) -> float:
        """Share of the people whose MPJPE grows by more than 5 mm."""
        return float((self.after['MPJPE'] - self.before['MPJPE'] > WORSE).mean())

    def lines(self) -> list[str]:
        """Format the means before and after, and their change in percent."""
        lines = [f'{"":20}{"before":>10}{"after":>10}{"change":>10}']
        for name, before in self.before.items():
            old, new = np.nanmean(before), np.nanmean(self.after[name])
            lines.append(f'{name:20}{old:10.2f}{new:10.2f}{100 * (new / max(old, 1e-9) - 1):+8.1f} %')
        people = len(self.before['MPJPE'])
        return [
            *lines,
            f'MPJPE of {100 * self.worse:.1f} % of {people} people is more than {WORSE:g} mm worse',
        ]


def compare_results(before: str | Path, after: str | Path, metric: MeshMetric) -> PairedErrors:
    """Compare two files of ``tools/test.py --out`` person by person.

    Args:
        before: Results to compare with.
        after: Results of the same people.
        metric: Computes the errors.

    Raises:
        ValueError: If the files have other people.
    """
    results = MeshResults(before), MeshResults(after)
    old, new = (file.arrays for file in results)
    if len(results[0]) != len(results[1]) or any(
        not np.array_equal(old[name], new[name]) for name in _PEOPLE if name in old and name in new
    ):
        raise ValueError(f'{after} has other people than {before}: test both on the same annotations')
    return PairedErrors(*(_errors(file, old, metric) for file in results))


def _errors(
    results: MeshResults, labels: Mapping[str, np.ndarray], metric: MeshMetric
) -> dict[str, np.ndarray]:
    metric.results.clear()
    results.process(metric)
    rows = [row for row in metric.results if row]
    metric.results.clear()
    errors = {name: np.array([row[name] for row in rows]) for name in ERRORS if name in rows[0]}
    if 'gt_instances.keypoints2d' in labels:
        errors[PIXELS] = _pixel_errors(results.arrays, labels)
    return errors


def _pixel_errors(arrays: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean distances (N,) of the projected joints from the annotated ones."""
    true = labels['gt_instances.keypoints2d'][:, _COCO].astype(np.float64)
    points = arrays['pred_instances.joints3d'] + arrays['pred_instances.camera_translation'][:, None]
    points = points[:, _COCO].astype(np.float64)
    pixels = arrays['meta.focal_length'][:, None, None] * points[..., :2] / points[..., 2:]
    known = (true[..., 2] > 0) & (labels['gt_instances.has_keypoints2d'].reshape(-1, 1) > 0)
    distances = np.linalg.norm(pixels - true[..., :2], axis=2)
    with np.errstate(invalid='ignore'):
        mean = (distances * known).sum(1) / known.sum(1)
    return np.asarray(mean * _SIZE * _BOX_SCALE / arrays['meta.boxes'][:, 0, 2])
