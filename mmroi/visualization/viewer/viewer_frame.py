"""One image of the viewer with its people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ViewerFrame:
    """One image with P people of M RoIs each.

    Camera frame: OpenCV (x right, y down, z forward), meters. Pixel centers lie at integers.

    Attributes:
        name: Name to show; all characters are allowed.
        image: BGR image, (H, W, 3) uint8.
        vertices: Bodies in the camera frame (``vertices + camera_translation``), (P, V, 3); P may be 0.
        faces: Triangles of one body, (F, 3); outward normals by the right-hand rule.
        colors: One BGR color (0-255) per person.
        ids: One number per person, the same in all frames.
        focal_length: Focal length in pixels.
        principal_point: x, y in pixels.
        boxes: RoIs, (P, M, 3): center x and y relative to the principal point and height, pixels; M may be 0.
        camera_translation: Translation included in the vertices, (P, 3) meters.
        full_cameras: Translation in the full camera from each RoI, (P, M, 3) meters
            (``geometry.local_to_full``).
        parameters: Entries of the table per person: name -> text, number or array of any shape.
        aspect: Width / height of the RoIs.
        video: Name of its :class:`ViewerSequence`; None for a single image.
        time: Seconds since the start of the video.
        std: Standard deviations of the vertices, (P, V) meters, by which bodies can be colored.

    Raises:
        ValueError: If shapes do not match, or values of the meshes are not finite.
    """

    name: str
    image: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    colors: Sequence[Sequence[int]]
    ids: Sequence[int]
    focal_length: float
    principal_point: Sequence[float]
    boxes: np.ndarray
    camera_translation: np.ndarray
    full_cameras: np.ndarray
    parameters: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    aspect: float = 0.75
    video: str | None = None
    time: float | None = None
    std: np.ndarray | None = None

    def __post_init__(self) -> None:
        where = f'frame {self.name!r}: '
        image, vertices, faces = (np.asarray(value) for value in (self.image, self.vertices, self.faces))
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f'{where}image must be (H, W, 3) uint8, not {image.shape} {image.dtype}')
        if vertices.ndim != 3 or vertices.shape[2] != 3:
            raise ValueError(f'{where}vertices must be (P, V, 3), not {vertices.shape}')
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(f'{where}faces must be (F, 3), not {faces.shape}')
        people, num_vertices = vertices.shape[:2]
        if people and faces.size and not 0 <= faces.min() <= faces.max() < num_vertices:
            raise ValueError(f'{where}faces refer to vertices that do not exist ({num_vertices} vertices)')
        rois = np.shape(self.boxes)
        if len(rois) != 3 or rois[0] != people or rois[2] != 3 or np.shape(self.full_cameras) != rois:
            raise ValueError(
                f'{where}boxes and full_cameras must both be (P, M, 3) with P = {people}, '
                f'not {rois} and {np.shape(self.full_cameras)}'
            )
        if np.shape(self.camera_translation) != (people, 3):
            raise ValueError(
                f'{where}camera_translation must be ({people}, 3), not {np.shape(self.camera_translation)}'
            )
        if self.std is not None and np.shape(self.std) != vertices.shape[:2]:
            raise ValueError(f'{where}std must be {vertices.shape[:2]}, not {np.shape(self.std)}')
        for key in ('colors', 'ids', 'parameters'):
            length = len(getattr(self, key))
            if length != people and not (key == 'parameters' and length == 0):
                raise ValueError(f'{where}{key} has {length} entries for {people} people')
        for key in (
            'vertices',
            'boxes',
            'camera_translation',
            'full_cameras',
            'principal_point',
            'focal_length',
            'std',
        ):
            if getattr(self, key) is None:
                continue
            if not np.isfinite(np.asarray(getattr(self, key), np.float64)).all():
                raise ValueError(f'{where}{key} has NaN or infinite values')
        if not self.focal_length > 0:
            raise ValueError(f'{where}focal_length must be positive, not {self.focal_length}')
