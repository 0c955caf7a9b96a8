"""Pictures of what the network sees of one person: crops, boxes, keypoints and the label's mesh.

Everything is drawn in the augmented frame, the one that the losses compute in. Only the photo is warped, by
the map that also cuts the crops, so a label that was not augmented as its pixels were lies beside its person.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from mmroi.datasets.transforms.multi_roi_crop import warp_crops
from mmroi.geometry import crop_matrix, estimate_focal_length
from mmroi.visualization.drawing import PAPER, line, tile_images
from mmroi.visualization.keypoints import RESIDUAL, draw_keypoints
from mmroi.visualization.label_check import LabelCheck
from mmroi.visualization.rendering import draw_overlay

Sample = Mapping[str, Any]  # a person after MultiRoICrop(keep_img=True)
Text = tuple[str, tuple[int, int, int]]

WHITE, GREY, GREEN, RED = (255, 255, 255), (150, 150, 150), (150, 230, 150), (80, 80, 255)
# One for each RoI in turn: its box in the frame and the border of its crop.
ROI_COLORS = ((255, 255, 255), (80, 200, 255), (120, 220, 120), (255, 170, 90), (220, 130, 240))
PANEL, CROP = 560, 256  # heights in the picture, pixels
LONGEST_FRAME = 2.2  # width / height; a wider view of the frame is cut at its sides
_FONT, _FONT_SIZE, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.45, 20


class Region(NamedTuple):
    """A rectangle of the augmented frame as a picture, as ``MultiRoICrop`` makes it.

    Attributes:
        box: (3,) center and height of the rectangle, pixels relative to the principal point.
        size: Height and width of the image, pixels.
    """

    box: np.ndarray
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the frame."""
        return self.size[0] / float(self.box[2])

    def place(self, points: np.ndarray) -> np.ndarray:
        """Where points lie in the picture.

        Args:
            points: (K, 2 or more) pixels relative to the principal point, then anything (confidence).

        Returns:
            (K, as many) pixels of the picture, the rest unchanged.
        """
        matrix = crop_matrix(torch.as_tensor(self.box), torch.zeros(2), self.size).numpy()
        return np.column_stack((points[:, :2] @ matrix[:, :2].T + matrix[:, 2], points[:, 2:]))

    def photo(self, sample: Sample) -> np.ndarray:
        """The rectangle cut out of the frame, black outside it."""
        matrix = crop_matrix(
            torch.as_tensor(self.box),
            torch.as_tensor(sample['principal_point']),
            self.size,
            torch.as_tensor(sample['aug_matrix']),
        )
        return warp_crops(sample['img'], matrix[None].numpy(), self.size)[0]

    def with_mesh(
        self, photo: np.ndarray, sample: Sample, check: LabelCheck, faces: np.ndarray
    ) -> np.ndarray:
        """The label's mesh on the picture, or a word on why there is none."""
        if check.vertices is None:
            why = 'no camera' if sample['has_smpl'] else 'no SMPL label'
            return _note(photo, why)
        center = self.place(np.zeros((1, 2)))[0]
        focal_length = float(sample['focal_length']) * self.scale
        return draw_overlay(photo, check.vertices, faces, focal_length, center, opacity=0.65)


def crop_keypoints(sample: Sample, roi: int) -> np.ndarray:
    """2D keypoints in a crop.

    Args:
        sample: A person.
        roi: Number of the RoI.

    Returns:
        (54, 3) pixels of the crop, confidence.
    """
    return Region(sample['boxes'][roi], sample['crop_size']).place(sample['keypoints2d'])


def draw_crop(sample: Sample, roi: int, height: int = CROP) -> np.ndarray:
    """A crop, pixel for pixel what the network gets, with the 2D keypoints.

    Args:
        sample: A person.
        roi: Number of the RoI.
        height: Of the picture, which is the enlarged crop.

    Returns:
        BGR image, uint8.
    """
    crop = sample['crops'][roi]
    scale = height / crop.shape[0]
    picture = cv2.resize(crop, (round(scale * crop.shape[1]), height), interpolation=cv2.INTER_LINEAR)
    keypoints = crop_keypoints(sample, roi)
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * scale - 0.5
    picture = draw_keypoints(picture, keypoints, radius=height / 90)
    return _border(picture, ROI_COLORS[roi % len(ROI_COLORS)])


def draw_frame(sample: Sample, check: LabelCheck, faces: np.ndarray, height: int = PANEL) -> np.ndarray:
    """The augmented frame with the boxes of all RoIs and the label's mesh.

    Args:
        sample: A person.
        check: Of its labels.
        faces: Of the body model, (F, 3).
        height: Of the picture.

    Returns:
        BGR image, uint8.
    """
    view = _view_of_frame(sample, height)
    picture = view.with_mesh(view.photo(sample), sample, check, faces)
    half = sample['boxes'][:, 2:] / 2 * (sample['crop_size'][1] / sample['crop_size'][0], 1)
    low, high = view.place(sample['boxes'][:, :2] - half), view.place(sample['boxes'][:, :2] + half)
    for roi in reversed(range(len(low))):  # the base box on top
        (x0, y0), (x1, y1) = low[roi], high[roi]
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            line(picture, start, end, ROI_COLORS[roi % len(ROI_COLORS)], 2 if roi == 0 else 1)
    return picture


def draw_mesh(sample: Sample, check: LabelCheck, faces: np.ndarray, height: int = PANEL) -> np.ndarray:
    """The base RoI with the label's mesh; red lines lead from 2D keypoints to the 3D ones seen by the camera.

    Args:
        sample: A person.
        check: Of its labels.
        faces: Of the body model, (F, 3).
        height: Of the picture.

    Returns:
        BGR image, uint8.
    """
    crop_height, crop_width = sample['crop_size']
    view = Region(sample['boxes'][0], (height, round(height * crop_width / crop_height)))
    picture = view.with_mesh(view.photo(sample), sample, check, faces)
    marked, projected = view.place(sample['keypoints2d']), view.place(check.projected)
    for start, end in zip(marked, projected, strict=True):
        if start[2] > 0 and end[2] > 0 and np.hypot(*(end - start)[:2]) > 1:
            line(picture, start, end, RESIDUAL, 2)
    return picture


def draw_sample(sample: Sample, check: LabelCheck, faces: np.ndarray) -> np.ndarray:
    """Everything about one person: title, frame, mesh, and the crops of all RoIs.

    Args:
        sample: A person.
        check: Of its labels.
        faces: Of the body model, (F, 3).

    Returns:
        BGR image, uint8.
    """
    top = [draw_frame(sample, check, faces), draw_mesh(sample, check, faces)]
    crops = [draw_crop(sample, roi) for roi in range(len(sample['boxes']))]
    rows = [tile_images(top, 2, PANEL), tile_images(crops, len(ROI_COLORS), CROP)]
    rows.insert(0, _title(title(sample, check), max(row.shape[1] for row in rows)))
    return _stack(rows)


def draw_thumbnail(sample: Sample, check: LabelCheck, faces: np.ndarray) -> np.ndarray:
    """The mesh and the base crop side by side with the larger residual; framed in red where labels disagree.

    Args:
        sample: A person.
        check: Of its labels.
        faces: Of the body model, (F, 3).

    Returns:
        BGR image, uint8.
    """
    pair = np.hstack([draw_mesh(sample, check, faces, CROP), draw_crop(sample, 0)])
    color = RED if any(check.faults.values()) else WHITE
    words = [(f'{sample["dataset_name"]} {sample["row"]}', color)]
    residuals = [value for value in (check.residual, check.mesh_residual) if np.isfinite(value)]
    if residuals:
        words.append((f'{max(residuals):.1f} px', color))
    picture = _stack([_title([words], pair.shape[1]), pair])
    return _border(picture, RED, 4) if color == RED else picture


def title(sample: Sample, check: LabelCheck) -> list[list[Text]]:
    """What is said above a picture; figures that no good label has are red.

    Args:
        sample: A person.
        check: Of its labels.

    Returns:
        Lines of words and their colors.
    """
    height, width = sample['img_shape']
    path = Path(sample['img_path'])
    assumed = sample['focal_length'] == estimate_focal_length(height, width)
    focal_lengths = ', '.join(dict.fromkeys(f'{value:.0f}' for value in sample['focal_lengths']))
    where: list[Text] = [
        (f'{sample["dataset_name"]} row {sample["row"]}', WHITE),
        (str(Path(*path.parts[-3:])), GREY),
        (f'{width} x {height}', GREY),
        (f'focal length {focal_lengths} px{" (assumed)" if assumed else ""}', GREY),
    ]
    if sample['roll']:
        where.append((f'rolled by {np.rad2deg(sample["roll"]):.0f} deg', GREY))
    if sample['flip']:
        where.append(('mirrored', GREY))
    labels: list[Text] = []
    for flag in ('has_smpl', 'has_keypoints2d', 'has_keypoints3d', 'has_transl'):
        has = bool(sample[flag])
        labels.append((flag[4:] if has else f'no {flag[4:]}', GREEN if has else GREY))
    figures: list[Text] = []
    faults = check.faults
    for name, text in (
        ('size', f'size {check.size:.2f} m'),
        ('inside', f'{check.inside:.0%} of joints in the box'),
        ('residual', f'3D to 2D {_pixels(check.residual, check)}'),
        ('mesh_residual', f'mesh to 2D {_pixels(check.mesh_residual, check)}'),
    ):
        if np.isfinite(getattr(check, name)):
            figures.append((text, RED if faults[name] else WHITE))
    return [where, labels, figures]


def _pixels(residual: float, check: LabelCheck) -> str:
    return f'{residual:.1f} px ({residual / check.box_size:.1%} of the box)'


def _view_of_frame(sample: Sample, height: int) -> Region:
    """All of the augmented frame and of the boxes."""
    rows, columns = sample['img_shape']
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)]) - sample['principal_point']
    corners = corners @ sample['aug_matrix'][:2, :2].T
    boxes = sample['boxes']
    half = boxes[:, 2:] / 2 * (sample['crop_size'][1] / sample['crop_size'][0], 1)
    points = np.concatenate((corners, boxes[:, :2] - half, boxes[:, :2] + half))
    low, high = points.min(axis=0), points.max(axis=0)
    width, tall = (high - low) * 1.02  # lines at the rim stay in the picture
    aspect = min(width / tall, LONGEST_FRAME)
    return Region(np.array([*(low + high) / 2, tall]), (height, max(round(height * aspect), 1)))


def _note(picture: np.ndarray, text: str) -> np.ndarray:
    picture = picture.copy()
    at = (8, picture.shape[0] - 10)
    for color, width in (((0, 0, 0), 4), (RED, 1)):
        cv2.putText(picture, text, at, _FONT, 1.3 * _FONT_SIZE, color, width, cv2.LINE_AA)
    return picture


def _border(picture: np.ndarray, color: Sequence[int], width: int = 2) -> np.ndarray:
    picture[:width] = picture[-width:] = color
    picture[:, :width] = picture[:, -width:] = color
    return picture


def _title(lines: Sequence[Sequence[Text]], width: int) -> np.ndarray:
    bar = np.full((_LINE * len(lines) + 8, width, 3), 40, np.uint8)
    for i, words in enumerate(lines):
        x = 8
        for text, color in words:
            cv2.putText(bar, text, (x, _LINE * (i + 1) - 3), _FONT, _FONT_SIZE, color, 1, cv2.LINE_AA)
            x += cv2.getTextSize(text, _FONT, _FONT_SIZE, 1)[0][0] + 16
    return bar


def _stack(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures below each other, filled up to one width."""
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER) for row in rows]
    return np.vstack(padded)
