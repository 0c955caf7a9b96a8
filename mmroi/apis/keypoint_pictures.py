"""Pictures of people with annotated keypoints: one of each, and a sheet of the worst."""

import heapq
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmroi.apis.keypoint_evaluation import PredictedPerson
from mmroi.fileio.image_writing import write_image
from mmroi.visualization import tile_images
from mmroi.visualization.keypoint_errors import PredictedMesh, draw_keypoint_errors

COLUMNS = 4  # of the sheet
_THRESHOLD = 0.1  # of the PCK in the titles


class KeypointPictures:
    """Draws people as they come and keeps only the worst pictures in memory.

    Args:
        folder: Folder for ``<image>_<number>.jpg``, ``<image>_<number>_missed.jpg`` of people who were not
            found, and ``worst.jpg``.
        faces: (F, 3) triangles of the body.
        worst: Number of people in the sheet.
    """

    def __init__(self, folder: str | Path, faces: np.ndarray, worst: int = 16) -> None:
        self._folder, self._faces, self._size = Path(folder), faces, worst
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count = 0
        self._worst: list[tuple[float, int, np.ndarray]] = []

    def add(self, people: Sequence[PredictedPerson]) -> None:
        """Draw the people of an image.

        Args:
            people: As :func:`.predict_people` yields them.
        """
        for number, person in enumerate(people):
            picture = self._draw(person)
            missed = '' if person.keypoints.found else '_missed'
            write_image(self._folder / f'{person.result.frame.name}_{number}{missed}.jpg', picture)
            self._count += 1
            if not missed:
                heapq.heappush(self._worst, (person.keypoints.mean_error, -self._count, picture))
                if len(self._worst) > self._size:
                    heapq.heappop(self._worst)

    def save_worst(self) -> None:
        """Write ``worst.jpg``: the people found with the largest mean error, the worst first."""
        if self._worst:
            pictures = [
                picture for *_, picture in sorted(self._worst, key=lambda item: item[:2], reverse=True)
            ]
            sheet = tile_images(pictures, min(COLUMNS, len(pictures)), pictures[0].shape[0])
            write_image(self._folder / 'worst.jpg', sheet)

    def _draw(self, person: PredictedPerson) -> np.ndarray:
        keypoints, mesh = person.keypoints, None
        text = f'{person.result.frame.name}  id {keypoints.annotation_id}  '
        if person.number is None or keypoints.predicted is None:
            text += 'not found'
        else:
            sample = person.result.samples[person.number]
            mesh = PredictedMesh(
                person.result.vertices[person.number],
                self._faces,
                float(sample.focal_length),
                np.asarray(sample.principal_point),
                keypoints.predicted,
            )
            text += (
                f'PCK@{_THRESHOLD:g} {keypoints.pck(_THRESHOLD):.0f} %  mean error {keypoints.mean_error:.2f}'
            )
        image = person.result.frame.image
        return draw_keypoint_errors(image, keypoints.bbox, keypoints.annotated, mesh, text)
