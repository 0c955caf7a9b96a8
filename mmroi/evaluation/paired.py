"""Two results of the same people, before and after a change: who gains and who loses."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.evaluation.mesh_results import MeshResults
from mmroi.structures import COCO_17, SMPL_54

ERRORS = ('MPJPE', 'PA-MPJPE', 'PVE', 'orientation', 'camera_translation')
PIXELS = '2D'
WORSE = 5.0  # mm of MPJPE
_SIZE, _BOX_SCALE = 256, 1.2  # base RoIs are so much larger than people
_COCO = [SMPL_54.index(name) for name in COCO_17]


@dataclass(frozen=True)
class PairedErrors:
    """Errors of N people before and after a change.

    Attributes:
        before: (N,) errors by name: those of the metric, and ``2D``, the mean distance of COCO's 17 joints in
            the image, in pixels of people who are 256 pixels high. NaN where the annotation is missing.
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
            lines.append(f'{name:20}{old:10.2f}{new:10.2f}{100 * (new / old - 1):+8.1f} %')
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
    names = [file.arrays.get('meta.img_path') for file in results]
    boxes = [file.arrays.get('meta.boxes') for file in results]
    if len(results[0]) != len(results[1]) or not (
        np.array_equal(*names) and np.allclose(boxes[0][:, 0], boxes[1][:, 0])  # type: ignore[index]
    ):
        raise ValueError(
            f'{after} has other people than {before}: test both networks on the same file and boxes'
        )
    return PairedErrors(*(_errors(file, metric) for file in results))


def _errors(results: MeshResults, metric: MeshMetric) -> dict[str, np.ndarray]:
    metric.results.clear()
    results.process(metric)
    rows = [row for row in metric.results if row]
    metric.results.clear()
    errors = {name: np.array([row[name] for row in rows]) for name in ERRORS if name in rows[0]}
    if 'gt_instances.keypoints3d' in results.arrays:
        errors[PIXELS] = _pixel_errors(results)
    return errors


def _pixel_errors(results: MeshResults) -> np.ndarray:
    """Mean distances (N,) of the projected joints from the annotated ones, which are in the camera frame."""
    arrays = {
        name: array.astype(np.float64) for name, array in results.arrays.items() if array.dtype.kind == 'f'
    }
    true = arrays['gt_instances.keypoints3d'][:, _COCO]
    found = arrays['pred_instances.joints3d'] + arrays['pred_instances.camera_translation'][:, None]
    offsets = _project(found[:, _COCO]) - _project(true[..., :3])
    weights = true[..., 3] * arrays['gt_instances.has_transl'].reshape(-1, 1)
    with np.errstate(invalid='ignore', divide='ignore'):
        distances = (np.linalg.norm(offsets, axis=2) * weights).sum(1) / weights.sum(1)
    scale = arrays['meta.focal_length'] * _SIZE * _BOX_SCALE / arrays['meta.boxes'][:, 0, 2]
    return np.asarray(distances * scale)


def _project(points: np.ndarray) -> np.ndarray:
    return np.asarray(points[..., :2] / points[..., 2:])
