"""A contact sheet of a synthetic dataset, to check boxes and keypoints by eye."""

from pathlib import Path

import cv2
import numpy as np

from mmroi.fileio.human_data import HumanData


def contact_sheet(
    data_root: str | Path, split: str = 'train', num_images: int = 40, columns: int = 8, cell: int = 256
) -> np.ndarray:
    """Draw the first images of a split with their annotations.

    Args:
        data_root: Folder written by :func:`~mmroi.synthetic.studio.make_dataset`.
        split: ``'train'`` or ``'val'``.
        num_images: Maximum number of images.
        columns: Images per row.
        cell: Side of an image on the sheet, pixels.

    Returns:
        The sheet (H, W, 3), uint8, BGR, with visible joints in green, occluded ones in orange and boxes in
        white.

    Raises:
        FileNotFoundError: If an image is missing.
    """
    root = Path(data_root)
    data = HumanData.fromfile(root / f'{split}.npz')
    paths = [str(path) for path in data['image_path']]
    chosen = list(dict.fromkeys(paths))[:num_images]
    sheet = np.full((-(-len(chosen) // columns) * cell, columns * cell, 3), 40, np.uint8)
    for k, path in enumerate(chosen):
        image = cv2.imread(str(root / path))
        if image is None:
            raise FileNotFoundError(f'{root / path} is missing or unreadable; run make_synthetic.py again')
        scale = cell / max(image.shape[:2])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for row in (i for i, name in enumerate(paths) if name == path):
            x, y, w, h = data['bbox_xywh'][row, :4] * scale
            cv2.rectangle(image, (round(x), round(y)), (round(x + w), round(y + h)), (255, 255, 255), 1)
            hidden = data['misc']['keypoints2d_occluded'][row]
            for joint in range(24):
                at = data['keypoints2d'][row, joint, :2] * scale
                color = (0, 140, 255) if hidden[joint] else (0, 255, 0)
                cv2.circle(image, (round(float(at[0])), round(float(at[1]))), 2, color, -1)
        y, x = k // columns * cell, k % columns * cell
        sheet[y : y + image.shape[0], x : x + image.shape[1]] = image
    return sheet
