"""Visualizations of a result, limited in size: drawing on an image of 50 MP would need gigabytes."""

from typing import NamedTuple

import cv2
import numpy as np

from mmroi.apis.inference.results import FrameResult, person_arrays
from mmroi.structures import convert_keypoints
from mmroi.visualization import (
    draw_cameras,
    draw_keypoints,
    draw_overlay,
    draw_rois,
    draw_side_view,
    draw_top_view,
    person_colors,
    tile_images,
)
from mmroi.visualization.drawing import line
from mmroi.visualization.viewer import ViewerFrame

MIN_KEYPOINT_SCORE = 0.2  # below, a keypoint is out of the image or hidden
SHEET_HEIGHT = 480  # of each view in the sheet, pixels
SHEET_TITLES = (
    'Image',
    'RoIs',
    'Meshes on the image',
    'From the side (camera at the left)',
    'From above (camera below)',
    'Cameras of the RoIs (from above)',
)
LISTED = (
    'bbox_score',
    'bbox',
    'camera_translation',
    'betas',
    'global_orient',
    'body_pose',
    'local_cameras',
    'joints_std',
)


class ResizedImage(NamedTuple):
    """An image with people, scaled down if it is too large.

    Attributes:
        image: (H, W, 3) BGR uint8.
        focal_length: Pixels of this image.
        principal_point: x, y in pixels of this image.
        boxes: (P, M, 3) in pixels of this image, relative to its principal point.
        aspect: Width / height of the RoIs.
    """

    image: np.ndarray
    focal_length: float
    principal_point: tuple[float, float]
    boxes: np.ndarray
    aspect: float


def fit_image(result: FrameResult, max_size: int, enlarge: bool = False) -> ResizedImage:
    """Scale the image of a result down if it is too large.

    Args:
        result: Result with at least one person.
        max_size: Maximum length of the long side, pixels.
        enlarge: Scale smaller images up to this length.

    Returns:
        The image and its camera; pixel centers lie at integers before and after.
    """
    image, sample = _resize(result.frame.image, max_size, enlarge), result.samples[0]
    scale = np.array(image.shape[1::-1]) / result.frame.image.shape[1::-1]
    factor = float(np.sqrt(scale.prod()))
    x, y = (np.asarray(sample.principal_point) + 0.5) * scale - 0.5
    crop_height, crop_width = sample.crop_size
    return ResizedImage(
        image, float(sample.focal_length) * factor, (x, y), result.boxes * factor, crop_width / crop_height
    )


def draw_result(result: FrameResult, faces: np.ndarray, max_size: int) -> np.ndarray:
    """Draw the meshes on the image.

    Args:
        result: Result for a frame; without people nothing is drawn.
        faces: Triangles of the body, (F, 3).
        max_size: Maximum length of the long side, pixels; larger images are scaled down.

    Returns:
        (H, W, 3) BGR uint8.
    """
    if not result.samples:
        return _resize(result.frame.image, max_size)
    resized = fit_image(result, max_size)
    return draw_overlay(
        resized.image,
        result.vertices,
        faces,
        resized.focal_length,
        resized.principal_point,
        person_colors(result.ids),
    )


def draw_detections(result: FrameResult, max_size: int) -> np.ndarray:
    """Draw the boxes of the people, and their keypoints if the detector finds them, on the image.

    Args:
        result: Result for a frame.
        max_size: Maximum length of the long side, pixels; larger images are scaled down.

    Returns:
        (H, W, 3) BGR uint8.
    """
    image = _resize(result.frame.image, max_size).copy()
    scale = np.array(image.shape[1::-1]) / result.frame.image.shape[1::-1]
    unit = max(min(image.shape[:2]) / 720, 0.5)  # line width, pixels
    for sample, color in zip(result.samples, person_colors(result.ids), strict=True):
        x1, y1, x2, y2 = np.asarray(sample.bbox) * np.tile(scale, 2) - 0.5
        corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            line(image, start, end, color, 2 * unit)
        if 'det_keypoints' in sample:
            keypoints, _ = convert_keypoints(np.array(sample.det_keypoints), 'coco', 'smpl_54')
            keypoints[:, :2] = (keypoints[:, :2] + 0.5) * scale - 0.5
            keypoints[keypoints[:, 2] < MIN_KEYPOINT_SCORE] = 0
            image = draw_keypoints(image, keypoints, 4 * unit)
    return image


def draw_views(result: FrameResult, faces: np.ndarray) -> np.ndarray:
    """Draw a sheet with titles: image, RoIs, meshes on it, side view, top view, and the cameras of all RoIs.

    Args:
        result: Result with at least one person.
        faces: Triangles of the body, (F, 3).

    Returns:
        (H, W, 3) BGR uint8.
    """
    # small images larger, because lines and labels are not finer than a pixel
    resized = fit_image(result, 2 * SHEET_HEIGHT, enlarge=True)
    vertices, colors = result.vertices, person_colors(result.ids)
    height, width = resized.image.shape[:2]
    size = SHEET_HEIGHT, round(SHEET_HEIGHT * min(max(width / height, 0.75), 16 / 9))
    return tile_images(
        [
            resized.image,
            draw_rois(resized.image, resized.boxes, resized.principal_point, resized.aspect, colors),
            draw_overlay(
                resized.image, vertices, faces, resized.focal_length, resized.principal_point, colors
            ),
            draw_side_view(vertices, faces, size, colors),
            draw_top_view(vertices, faces, size, colors),
            draw_cameras(
                vertices,
                faces,
                result.full_cameras,
                result.camera_translation,
                (SHEET_HEIGHT, max(size)),  # the captions need room
                colors,
                result.ids,
            ),
        ],
        columns=3,
        height=SHEET_HEIGHT,
        titles=SHEET_TITLES,
    )


def viewer_frame(
    result: FrameResult, faces: np.ndarray, max_size: int, skinning_weights: np.ndarray | None = None
) -> ViewerFrame:
    """Prepare a result for the viewer.

    Args:
        result: Result with at least one person.
        faces: Triangles of the body, (F, 3).
        max_size: Maximum length of the image's long side, pixels.
        skinning_weights: Of the body, (V, 24). With them the viewer can color the meshes by how sure the
            network is of the joints, if it says so.

    Returns:
        Input of ``write_viewer``.
    """
    resized = fit_image(result, max_size)
    people = [person_arrays(sample) for sample in result.samples]
    return ViewerFrame(
        name=result.frame.name,
        image=resized.image,
        vertices=result.vertices,
        faces=faces,
        colors=person_colors(result.ids),
        ids=result.ids,
        focal_length=resized.focal_length,
        principal_point=resized.principal_point,
        boxes=resized.boxes,
        camera_translation=result.camera_translation,
        full_cameras=result.full_cameras,
        parameters=[{name: person[name] for name in LISTED if name in person} for person in people],
        aspect=resized.aspect,
        video=result.frame.video,
        time=result.frame.time,
        std=_vertices_std(people, skinning_weights),
    )


def _vertices_std(people: list[dict[str, np.ndarray]], weights: np.ndarray | None) -> np.ndarray | None:
    """Spread the deviations of joints over the vertices that they move, (P, V); None if not known."""
    if weights is None or not all('joints_std' in person for person in people):
        return None
    return np.stack([person['joints_std'] for person in people]) @ weights.T


def _resize(image: np.ndarray, max_size: int, enlarge: bool = False) -> np.ndarray:
    height, width = image.shape[:2]
    ratio = max_size / max(height, width)
    if ratio == 1 or (ratio > 1 and not enlarge):
        return image
    size = max(round(width * ratio), 1), max(round(height * ratio), 1)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR)
