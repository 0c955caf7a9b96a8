"""Draw annotated 2D keypoints beside a predicted mesh, with the distance of each joint."""

from typing import NamedTuple

import cv2
import numpy as np
import torch

from mmroi.datasets.transforms.multi_roi_crop import warp_crops
from mmroi.geometry import crop_matrix
from mmroi.visualization.drawing import disc, line, write
from mmroi.visualization.keypoints import RESIDUAL, draw_keypoints
from mmroi.visualization.rendering import draw_overlay

HEIGHT, WIDTH = 480, 400  # of each of the two panels, pixels
_MARGIN = 1.35  # shown region relative to the box
_ANNOTATED, _DARK = (255, 255, 255), (40, 40, 40)


class PredictedMesh(NamedTuple):
    """A predicted person.

    Attributes:
        vertices: (V, 3) in the camera frame, meters.
        faces: (F, 3) triangles.
        focal_length: Pixels.
        principal_point: (2,) pixels.
        joints: (54, 2) projected joints, pixels.
    """

    vertices: np.ndarray
    faces: np.ndarray
    focal_length: float
    principal_point: np.ndarray
    joints: np.ndarray


def draw_keypoint_errors(
    image: np.ndarray, bbox: np.ndarray, annotated: np.ndarray, mesh: PredictedMesh | None, text: str
) -> np.ndarray:
    """Draw a person twice: annotated box and joints on the image, and the predicted mesh and joints.

    Lines lead from annotated joints (white) to their predictions (orange: left, blue: right).

    Args:
        image: The whole image, (H, W, 3) BGR uint8.
        bbox: (4,) annotated corners x1, y1, x2, y2 in pixels.
        annotated: (54, 3) x, y in pixels and confidence, 0 where nothing is annotated.
        mesh: The prediction; None if the person was not found.
        text: Title.

    Returns:
        BGR image, uint8; of the same size for everyone.
    """
    center, size = (bbox[:2] + bbox[2:]) / 2, bbox[2:] - bbox[:2]
    height = _MARGIN * max(size[1], size[0] * HEIGHT / WIDTH)
    matrix = crop_matrix(torch.tensor([*center, height]), torch.zeros(2), (HEIGHT, WIDTH)).numpy()
    crop = warp_crops(image, matrix[None], (HEIGHT, WIDTH))[0]
    marks = _place(annotated, matrix)
    first = draw_keypoints(crop, marks, radius=4)
    low, high = _place(bbox.reshape(2, 2), matrix)
    corners = [low, (high[0], low[1]), high, (low[0], high[1])]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        line(first, start, end, _ANNOTATED)
    second = crop
    if mesh is not None:
        second = draw_overlay(
            crop,
            mesh.vertices,
            mesh.faces,
            mesh.focal_length * HEIGHT / height,
            _place(mesh.principal_point[None], matrix)[0],
            opacity=0.65,
        )
        joints = _place(np.column_stack([mesh.joints, annotated[:, 2]]), matrix)
        second = draw_keypoints(second, joints, radius=4)
        for start, end in zip(marks[marks[:, 2] > 0], joints[marks[:, 2] > 0], strict=True):
            line(second, start, end, RESIDUAL, 2)
            disc(second, start, 3, _ANNOTATED)
    picture = cv2.copyMakeBorder(np.hstack([first, second]), 24, 0, 0, 0, cv2.BORDER_CONSTANT, value=_DARK)
    write(picture, text, (8, 17), _ANNOTATED, height=11)
    return picture


def _place(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map (K, 2 or more) pixels of the image to the panel; further columns stay."""
    return np.column_stack([points[:, :2] @ matrix[:, :2].T + matrix[:, 2], points[:, 2:]])
