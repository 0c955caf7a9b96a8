"""Draw what the network sees of one person: crops, boxes, keypoints and the annotated mesh.

Everything is drawn in the augmented frame, in which the losses are computed. Only the image is warped, by the
map that also makes the crops, so an annotation that was augmented differently misses its person.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from mmroi.datasets.transforms.multi_roi_crop import cropped_regions, warp_crops
from mmroi.geometry import crop_matrix, estimate_focal_length
from mmroi.visualization.drawing import PAPER, line, tile_images
from mmroi.visualization.keypoints import RESIDUAL, draw_keypoints
from mmroi.visualization.label_check import LabelCheck
from mmroi.visualization.rendering import draw_overlay

Sample = Mapping[str, Any]  # a person after MultiRoICrop(keep_img=True)
Text = tuple[str, tuple[int, int, int]]

WHITE, GREY, GREEN, RED = (255, 255, 255), (150, 150, 150), (150, 230, 150), (80, 80, 255)
# Colors of the RoIs: of their boxes in the frame and of the borders of their crops.
ROI_COLORS = ((255, 255, 255), (80, 200, 255), (120, 220, 120), (255, 170, 90), (220, 130, 240))
PANEL, CROP = 560, 256  # heights of the panels, pixels
LONGEST_FRAME = 2.2  # width / height; a wider frame is cut at its sides
_FONT, _FONT_SIZE, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.45, 20


class Region(NamedTuple):
    """A rectangle of the augmented frame, shown as an image as ``MultiRoICrop`` makes it.

    Attributes:
        box: (3,) center and height of the rectangle, pixels relative to the principal point.
        size: Height and width of the image, pixels.
    """

    box: np.ndarray
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """Return the pixels of the image per pixel of the frame."""
        return self.size[0] / float(self.box[2])

    def place(self, points: np.ndarray) -> np.ndarray:
        """Map points of the frame to the image.

        Args:
            points: (K, 2 or more) pixels relative to the principal point, then anything (confidence).

        Returns:
            Array of the same shape: pixels of the image, further columns unchanged.
        """
        matrix = crop_matrix(torch.as_tensor(self.box), torch.zeros(2), self.size).numpy()
        return np.column_stack((points[:, :2] @ matrix[:, :2].T + matrix[:, 2], points[:, 2:]))

    def image(self, sample: Sample) -> np.ndarray:
        """Crop the rectangle from the augmented image; black outside."""
        matrix = crop_matrix(
            torch.as_tensor(self.box),
            torch.as_tensor(sample['principal_point']),
            self.size,
            torch.as_tensor(sample['aug_matrix']),
        )
        return warp_crops(sample['img'], matrix[None].numpy(), self.size)[0]

    def with_mesh(
        self, image: np.ndarray, sample: Sample, check: LabelCheck, faces: np.ndarray
    ) -> np.ndarray:
        """Draw the annotated mesh on the image, or a note on why there is none."""
        if check.vertices is None:
            why = 'no camera' if sample['has_smpl'] else 'no SMPL label'
            return _note(image, why)
        center = self.place(np.zeros((1, 2)))[0]
        focal_length = float(sample['focal_length']) * self.scale
        return draw_overlay(image, check.vertices, faces, focal_length, center, opacity=0.65)


def crop_region(sample: Any, number: int) -> Region:
    """Return the rectangle that a crop shows.

    Args:
        sample: A person, as a dict or an ``HMRDataSample``.
        number: Number of the crop.

    Returns:
        The rectangle, in the size of the crop.
    """
    boxes = torch.as_tensor(np.asarray(sample.get('boxes'), np.float64))
    crops, size = cropped_regions(boxes, sample.get('crop_size'), sample.get('context_size'))
    return Region(crops[number].numpy(), size)


def crop_keypoints(sample: Sample, number: int) -> np.ndarray:
    """Return the 2D keypoints in a crop.

    Args:
        sample: A person.
        number: Number of the crop.

    Returns:
        (54, 3) pixels of the crop, confidence.
    """
    return crop_region(sample, number).place(sample['keypoints2d'])


def draw_crop(sample: Sample, number: int, height: int = CROP) -> np.ndarray:
    """Draw a crop, pixel by pixel as the network gets it, with 2D keypoints, and RoIs in a context crop.

    Args:
        sample: A person.
        number: Number of the crop.
        height: Height that the crop is scaled to, pixels.

    Returns:
        BGR image, uint8.
    """
    crop = sample['crops'][number]
    scale = height / crop.shape[0]
    image = cv2.resize(crop, (round(scale * crop.shape[1]), height), interpolation=cv2.INTER_LINEAR)
    keypoints = crop_keypoints(sample, number)
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * scale - 0.5
    image = draw_keypoints(image, keypoints, radius=height / 90)
    if 'context_size' in sample:
        _draw_boxes(image, Region(crop_region(sample, number).box, image.shape[:2]), sample)
    return _border(image, ROI_COLORS[number % len(ROI_COLORS)])


def draw_frame(sample: Sample, check: LabelCheck, faces: np.ndarray, height: int = PANEL) -> np.ndarray:
    """Draw the augmented frame with the boxes of all RoIs and the annotated mesh.

    Args:
        sample: A person.
        check: Check of the annotations.
        faces: Faces of the body model, (F, 3).
        height: Height of the result, pixels.

    Returns:
        BGR image, uint8.
    """
    view = _view_of_frame(sample, height)
    image = view.with_mesh(view.image(sample), sample, check, faces)
    _draw_boxes(image, view, sample)
    return image


def _draw_boxes(image: np.ndarray, view: Region, sample: Sample) -> None:
    half = sample['boxes'][:, 2:] / 2 * (sample['crop_size'][1] / sample['crop_size'][0], 1)
    low, high = view.place(sample['boxes'][:, :2] - half), view.place(sample['boxes'][:, :2] + half)
    for roi in reversed(range(len(low))):  # the base box on top
        (x0, y0), (x1, y1) = low[roi], high[roi]
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            line(image, start, end, ROI_COLORS[roi % len(ROI_COLORS)], 2 if roi == 0 else 1)


def draw_mesh(sample: Sample, check: LabelCheck, faces: np.ndarray, height: int = PANEL) -> np.ndarray:
    """Draw the base RoI with the annotated mesh and lines from 2D keypoints to the projected 3D ones.

    Args:
        sample: A person.
        check: Check of the annotations.
        faces: Faces of the body model, (F, 3).
        height: Height of the result, pixels.

    Returns:
        BGR image, uint8.
    """
    crop_height, crop_width = sample['crop_size']
    view = Region(sample['boxes'][0], (height, round(height * crop_width / crop_height)))
    image = view.with_mesh(view.image(sample), sample, check, faces)
    marked, projected = view.place(sample['keypoints2d']), view.place(check.projected)
    for start, end in zip(marked, projected, strict=True):
        if start[2] > 0 and end[2] > 0 and np.hypot(*(end - start)[:2]) > 1:
            line(image, start, end, RESIDUAL, 2)
    return image


def draw_sample(sample: Sample, check: LabelCheck, faces: np.ndarray) -> np.ndarray:
    """Draw everything about one person: title, frame, mesh, and the crops.

    Args:
        sample: A person.
        check: Check of the annotations.
        faces: Faces of the body model, (F, 3).

    Returns:
        BGR image, uint8.
    """
    top = [draw_frame(sample, check, faces), draw_mesh(sample, check, faces)]
    crops = [draw_crop(sample, roi) for roi in range(len(sample['crops']))]
    rows = [tile_images(top, 2, PANEL), tile_images(crops, len(ROI_COLORS), CROP)]
    rows.insert(0, _title(title(sample, check), max(row.shape[1] for row in rows)))
    return _stack(rows)


def draw_thumbnail(sample: Sample, check: LabelCheck, faces: np.ndarray) -> np.ndarray:
    """Draw the mesh beside the first crop, with the larger residual; a red frame marks bad annotations.

    Args:
        sample: A person.
        check: Check of the annotations.
        faces: Faces of the body model, (F, 3).

    Returns:
        BGR image, uint8.
    """
    pair = np.hstack([draw_mesh(sample, check, faces, CROP), draw_crop(sample, 0)])
    color = RED if any(check.faults.values()) else WHITE
    words = [(f'{sample["dataset_name"]} {sample["row"]}', color)]
    residuals = [value for value in (check.residual, check.mesh_residual) if np.isfinite(value)]
    if residuals:
        words.append((f'{max(residuals):.1f} px', color))
    image = _stack([_title([words], pair.shape[1]), pair])
    return _border(image, RED, 4) if color == RED else image


def title(sample: Sample, check: LabelCheck) -> list[list[Text]]:
    """Return the title of a person; values that no good annotation has are red.

    Args:
        sample: A person.
        check: Check of the annotations.

    Returns:
        Lines of texts with their colors.
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
    """Return a region that shows the whole augmented frame and all boxes."""
    rows, columns = sample['img_shape']
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)]) - sample['principal_point']
    corners = corners @ sample['aug_matrix'][:2, :2].T
    boxes = sample['boxes']
    half = boxes[:, 2:] / 2 * (sample['crop_size'][1] / sample['crop_size'][0], 1)
    points = np.concatenate((corners, boxes[:, :2] - half, boxes[:, :2] + half))
    low, high = points.min(axis=0), points.max(axis=0)
    width, tall = (high - low) * 1.02  # keeps lines at the border visible
    aspect = min(width / tall, LONGEST_FRAME)
    return Region(np.array([*(low + high) / 2, tall]), (height, max(round(height * aspect), 1)))


def _note(image: np.ndarray, text: str) -> np.ndarray:
    image = image.copy()
    at = (8, image.shape[0] - 10)
    for color, width in (((0, 0, 0), 4), (RED, 1)):
        cv2.putText(image, text, at, _FONT, 1.3 * _FONT_SIZE, color, width, cv2.LINE_AA)
    return image


def _border(image: np.ndarray, color: Sequence[int], width: int = 2) -> np.ndarray:
    image[:width] = image[-width:] = color
    image[:, :width] = image[:, -width:] = color
    return image


def _title(lines: Sequence[Sequence[Text]], width: int) -> np.ndarray:
    bar = np.full((_LINE * len(lines) + 8, width, 3), 40, np.uint8)
    for i, words in enumerate(lines):
        x = 8
        for text, color in words:
            cv2.putText(bar, text, (x, _LINE * (i + 1) - 3), _FONT, _FONT_SIZE, color, 1, cv2.LINE_AA)
            x += cv2.getTextSize(text, _FONT, _FONT_SIZE, 1)[0][0] + 16
    return bar


def _stack(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Stack images vertically, padded to the same width."""
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER) for row in rows]
    return np.vstack(padded)
