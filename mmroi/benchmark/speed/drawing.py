"""Calls that draw people and write mesh files, to measure how long they take."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mmroi.body_models import SMPL
from mmroi.geometry import estimate_focal_length, make_rois, roi_offsets, rot6d_to_matrix
from mmroi.visualization import (
    draw_cameras,
    draw_keypoints,
    draw_overlay,
    draw_rois,
    draw_side_view,
    draw_top_view,
    save_meshes,
)
from mmroi.visualization.mesh_files import SUFFIXES


def stand_in_a_row(people: int, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place people side by side, as tall as the frame, every other one half a meter farther away.

    Args:
        people: Number of people P.
        width: Width of the frame in pixels.
        height: Height of the frame in pixels.

    Returns:
        Vertices (P, V, 3) and joints (P, 54, 3) in the camera frame, in meters, and faces (F, 3).
    """
    body = SMPL()
    pose = rot6d_to_matrix(body.mean_pose6d.reshape(1, 24, 6))
    output = body(pose[:, 0], pose[:, 1:], body.mean_betas[None])
    vertices, joints = output.vertices[0].numpy(), output.joints[0].numpy()
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    focal_length = estimate_focal_length(height, width)
    depth = focal_length * (high - low)[1] / height
    columns = (np.arange(people) + 0.5) / people - 0.5
    places = np.stack(
        [
            columns * width * depth / focal_length,
            np.full(people, -(low + high)[1] / 2),
            depth + 0.5 * (np.arange(people) % 2),
        ],
        axis=1,
    )[:, None]
    return vertices + places, joints + places, body.faces


def drawing_calls(people: int, width: int, height: int, folder: Path) -> dict[str, Callable[[], object]]:
    """Make the calls to measure.

    Args:
        people: Number of people in the image.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        folder: Folder for the mesh files.

    Returns:
        Calls by name; those that draw return an image, the others write a file and return None.
    """
    vertices, joints, faces = stand_in_a_row(people, width, height)
    image = np.random.default_rng(0).integers(90, 110, (height, width, 3), dtype=np.uint8)
    focal_length, center = estimate_focal_length(height, width), np.array([width - 1, height - 1]) / 2
    pixels = focal_length * joints[..., :2] / joints[..., 2:]
    keypoints = np.concatenate([pixels + center, np.ones_like(pixels[..., :1])], axis=-1)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    base = np.concatenate([(low + high) / 2, 1.2 * (high - low)[:, 1:]], axis=1)
    boxes = make_rois(torch.from_numpy(base), roi_offsets(5)).numpy()
    translation = vertices.mean(axis=1)
    cameras = translation[:, None] + np.random.default_rng(0).normal(0, 0.02, (people, 5, 3))

    def all_keypoints() -> np.ndarray:
        drawn = image
        for person in keypoints:
            drawn = draw_keypoints(drawn, person)
        return drawn

    calls: dict[str, Callable[[], object]] = {
        'overlay': lambda: draw_overlay(image, vertices, faces, focal_length, center),
        'side view': lambda: draw_side_view(vertices, faces, (height, width)),
        'top view': lambda: draw_top_view(vertices, faces, (height, width)),
        'cameras': lambda: draw_cameras(vertices, faces, cameras, translation, (height, width)),
        'RoIs': lambda: draw_rois(image, boxes, center),
        'keypoints': all_keypoints,
    }
    for suffix in SUFFIXES:
        calls[f'{suffix} file'] = partial(save_meshes, folder / f'people{suffix}', vertices, faces)
    return calls
