"""Check annotations: consistency measures of a sample, and an image of samples of a whole dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmroi.body_models import SMPL
from mmroi.datasets import HumanImageDataset
from mmroi.datasets.row_checks import MAX_BODY_SIZE, body_sizes
from mmroi.datasets.transforms import LoadImage
from mmroi.geometry import project
from mmroi.visualization.drawing import tile_images
from mmroi.visualization.keypoints import draw_keypoints
from mmroi.visualization.rendering import draw_overlay

# Fraction of the person's box above which a mean distance means a wrong, not an inexact annotation.
MAX_RESIDUAL = 0.05
MIN_INSIDE = 0.5


@dataclass(frozen=True)
class LabelCheck:
    """Consistency measures of one person; NaN where annotations are missing.

    Attributes:
        size: Diagonal of the box around the 3D keypoints, meters.
        residual: Mean distance between projected 3D keypoints and 2D keypoints, augmented pixels.
        mesh_residual: Mean distance between projected joints of the annotated mesh and 2D keypoints, pixels.
        inside: Fraction of the 2D keypoints inside the base box.
        box_size: Longer side of the person's bounding box, pixels; residuals are judged relative to it.
        projected: (54, 3) projected 3D keypoints, pixels relative to the principal point, and confidence, 0
            for keypoints that are unknown or have no camera.
        vertices: (V, 3) annotated mesh in the camera frame, meters; None without SMPL parameters or camera.
    """

    size: float
    residual: float
    mesh_residual: float
    inside: float
    box_size: float
    projected: np.ndarray
    vertices: np.ndarray | None

    @property
    def faults(self) -> dict[str, bool]:
        """Return by name which values no good annotation has."""
        limit = MAX_RESIDUAL * self.box_size
        return dict(
            size=self.size > MAX_BODY_SIZE,
            residual=self.residual > limit,
            mesh_residual=self.mesh_residual > limit,
            inside=self.inside < MIN_INSIDE,
        )


def check_labels(sample: Mapping[str, Any], body_model: SMPL) -> LabelCheck:
    """Compare the annotations of a person with each other after augmentation.

    3D keypoints relative to the pelvis are recognized by joints that are not in front of the camera. They
    have no residual.

    Args:
        sample: A person after ``MultiRoICrop``.
        body_model: Neutral body model that poses the annotation.

    Returns:
        The consistency measures.
    """
    keypoints2d, keypoints3d = sample['keypoints2d'], sample['keypoints3d']
    known = keypoints3d[:, 3] > 0
    projected = np.zeros((54, 3))
    if known.any() and (keypoints3d[known, 2] > 0).all():
        projected[known] = _seen(keypoints3d[known, :3], keypoints3d[known, 3], sample['focal_length'])
    vertices, mesh_joints = None, np.zeros((54, 3))
    if sample['has_smpl'] and sample['has_transl']:
        vertices, joints = _posed(sample, body_model)
        if (joints[:, 2] > 0).all():
            mesh_joints = _seen(joints, np.ones(54), sample['focal_length'])
    marked = keypoints2d[:, 2] > 0
    half = sample['boxes'][0, 2] / 2 * np.array((sample['crop_size'][1] / sample['crop_size'][0], 1))
    inside = np.abs(keypoints2d[marked, :2] - sample['boxes'][0, :2]) <= half
    return LabelCheck(
        size=float(body_sizes(keypoints3d[None])[0]) if known.any() else np.nan,
        residual=_mean_distance(projected, keypoints2d),
        mesh_residual=_mean_distance(mesh_joints, keypoints2d),
        inside=float(inside.all(axis=1).mean()) if marked.any() else np.nan,
        box_size=float(np.max(sample['bbox_xywh'][2:4] * (sample['focal_length'] / sample['focal_lengths']))),
        projected=projected,
        vertices=vertices,
    )


def _posed(sample: Mapping[str, Any], body_model: SMPL) -> tuple[np.ndarray, np.ndarray]:
    """Return the annotated vertices and joints in the camera frame."""
    params = (torch.as_tensor(sample[key])[None] for key in ('global_orient', 'body_pose', 'betas'))
    with torch.no_grad():
        body = body_model(*params)
    shift = sample['pelvis'] - body.joints[0, 0].numpy()
    return body.vertices[0].numpy() + shift, body.joints[0].numpy() + shift


def _seen(points: np.ndarray, confidence: np.ndarray, focal_length: float) -> np.ndarray:
    """Project points (K, 3) and append their confidence: (K, 3)."""
    pixels = project(torch.as_tensor(points), torch.zeros(3), float(focal_length)).numpy()
    return np.column_stack((pixels, confidence))


def _mean_distance(first: np.ndarray, second: np.ndarray) -> float:
    both = (first[:, 2] > 0) & (second[:, 2] > 0)
    distances = np.linalg.norm(first[both, :2] - second[both, :2], axis=1)
    return float(distances.mean()) if both.any() else float('nan')


_HEIGHT = 320
_ROOM = 1.5  # size of the square relative to the box
_BOX = (80, 80, 255)


def draw_annotations(path: Path, image_folder: Path, num: int, body_model: str | None = None) -> np.ndarray:
    """Draw people of an annotation file: box and keypoints, and beside them the mesh.

    The mesh is drawn at ``transl`` with the camera of the file. If the file has no ``transl``, it is placed
    such that its joints fit the 2D keypoints best.

    Args:
        path: HumanData file.
        image_folder: Folder that the image paths are relative to.
        num: Number of people, spread evenly over the file.
        body_model: SMPL's file or folder; None or ``open`` for the open body.

    Returns:
        Tiled images, (H, W, 3) uint8 BGR.
    """
    dataset = HumanImageDataset(
        str(path), data_prefix=dict(img_path=str(image_folder)), pipeline=[LoadImage()]
    )
    body = SMPL(body_model)
    smpl = dataset.data_list.human_data.get('smpl', {})
    panels = []
    for i in np.unique(np.linspace(0, len(dataset) - 1, num).round().astype(int)).tolist():
        sample = dataset[i]
        image = sample['img']
        panels.append(_around(_with_keypoints(image, sample), sample))
        if sample['has_smpl']:
            transl = smpl['transl'][sample['row']] if 'transl' in smpl else None
            vertices = _placed(body, sample, transl)
            if vertices is not None:
                image = draw_overlay(
                    image,
                    vertices,
                    body.faces,
                    sample['focal_length'],
                    sample['principal_point'],
                    opacity=0.7,
                )
        panels.append(_around(image, sample))
    return tile_images(panels, columns=8, height=_HEIGHT)


def _with_keypoints(image: np.ndarray, sample: dict[str, Any]) -> np.ndarray:
    x, y, width, height = np.rint(sample['bbox_xywh']).astype(int).tolist()
    size = max(height, width) / 100
    image = draw_keypoints(image, sample['keypoints2d'], radius=max(size, 1))
    return cv2.rectangle(image, (x, y), (x + width, y + height), _BOX, max(round(size / 2), 1))


def _around(image: np.ndarray, sample: dict[str, Any]) -> np.ndarray:
    """Crop a square around the box; gray outside the image."""
    x, y, width, height = sample['bbox_xywh']
    scale = _HEIGHT / (_ROOM * max(width, height))
    center = np.array([x + width / 2, y + height / 2])
    matrix = np.column_stack([scale * np.eye(2), _HEIGHT / 2 - scale * center])
    return cv2.warpAffine(image, matrix, (_HEIGHT, _HEIGHT), flags=cv2.INTER_AREA, borderValue=(128,) * 3)


def _placed(body: SMPL, sample: dict[str, Any], transl: np.ndarray | None) -> np.ndarray | None:
    """Return the vertices in the camera frame; None if the position of the person is unknown."""
    vectors = [torch.as_tensor(sample[key])[None] for key in ('global_orient', 'body_pose', 'betas')]
    with torch.no_grad():
        output = body(*vectors)
    if transl is None:
        transl = _fitted(output.joints[0].numpy(), sample)
    return None if transl is None else output.vertices[0].numpy() + transl


def _fitted(joints: np.ndarray, sample: dict[str, Any]) -> np.ndarray | None:
    """Return the translation that fits the keypoints best: f (X + t_x) = u (Z + t_z) is linear in t."""
    known = sample['keypoints2d'][:, 2] > 0
    if known.sum() < 3:
        return None
    rays = (sample['keypoints2d'][known, :2] - sample['principal_point']) / sample['focal_length']
    points = joints[known]
    ones, zeros = np.ones(len(rays)), np.zeros(len(rays))
    x = np.column_stack([ones, zeros, -rays[:, 0]])
    y = np.column_stack([zeros, ones, -rays[:, 1]])
    right = rays * points[:, 2:] - points[:, :2]
    return np.linalg.lstsq(np.concatenate([x, y]), right.T.ravel(), rcond=None)[0]
