"""Draws the labels of an annotation file on its photos."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmroi.body_models import SMPL
from mmroi.datasets import HumanImageDataset
from mmroi.datasets.transforms import LoadImage
from mmroi.visualization import draw_keypoints, draw_overlay, tile_images

_HEIGHT = 320
_ROOM = 1.5  # of the picture around the box
_BOX = (80, 80, 255)


def label_sheet(path: Path, image_folder: Path, num: int, body_model: str | None = None) -> np.ndarray:
    """People of an annotation file: box, keypoints, and on a second picture the mesh.

    The mesh stands at ``transl`` and is seen by the camera of the file. Where the file has no ``transl``, it
    stands where its joints are nearest to the 2D keypoints.

    Args:
        path: HumanData file.
        image_folder: Folder that its image paths start from.
        num: People, spread evenly over the file.
        body_model: SMPL's file or folder; None or ``open`` for the open body.

    Returns:
        One picture, (H, W, 3) uint8 BGR.
    """
    dataset = HumanImageDataset(
        str(path), data_prefix=dict(img_path=str(image_folder)), pipeline=[LoadImage()]
    )
    body = SMPL(body_model)
    smpl = dataset.data_list.human_data.get('smpl', {})
    pictures = []
    for i in np.unique(np.linspace(0, len(dataset) - 1, num).round().astype(int)).tolist():
        sample = dataset[i]
        image = sample['img']
        pictures.append(_around(_with_keypoints(image, sample), sample))
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
        pictures.append(_around(image, sample))
    return tile_images(pictures, columns=8, height=_HEIGHT)


def _with_keypoints(image: np.ndarray, sample: dict[str, Any]) -> np.ndarray:
    x, y, width, height = np.rint(sample['bbox_xywh']).astype(int).tolist()
    size = max(height, width) / 100
    image = draw_keypoints(image, sample['keypoints2d'], radius=max(size, 1))
    return cv2.rectangle(image, (x, y), (x + width, y + height), _BOX, max(round(size / 2), 1))


def _around(image: np.ndarray, sample: dict[str, Any]) -> np.ndarray:
    """A square of the photo about the box, gray outside of it."""
    x, y, width, height = sample['bbox_xywh']
    scale = _HEIGHT / (_ROOM * max(width, height))
    center = np.array([x + width / 2, y + height / 2])
    matrix = np.column_stack([scale * np.eye(2), _HEIGHT / 2 - scale * center])
    return cv2.warpAffine(image, matrix, (_HEIGHT, _HEIGHT), flags=cv2.INTER_AREA, borderValue=(128,) * 3)


def _placed(body: SMPL, sample: dict[str, Any], transl: np.ndarray | None) -> np.ndarray | None:
    """Vertices of the label in the camera frame; None where nothing tells where the person is."""
    vectors = [torch.as_tensor(sample[key])[None] for key in ('global_orient', 'body_pose', 'betas')]
    with torch.no_grad():
        output = body(*vectors)
    if transl is None:
        transl = _fitted(output.joints[0].numpy(), sample)
    return None if transl is None else output.vertices[0].numpy() + transl


def _fitted(joints: np.ndarray, sample: dict[str, Any]) -> np.ndarray | None:
    """The translation at which joints are nearest to keypoints: f (X + t_x) = u (Z + t_z), linear in t."""
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
