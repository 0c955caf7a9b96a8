"""Datasets to measure with: those of the config, or synthetic images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import ConfigDict

from mmroi.datasets.image_checks import decode, read_image_file
from mmroi.engine.pipelines import find_pipeline
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset

NUM_IMAGES = 32  # of a synthetic dataset


def usable_dataset(dataset: ConfigDict, folder: Path) -> ConfigDict:
    """Replace a dataset whose files do not exist by synthetic images.

    Args:
        dataset: Config of the dataset.
        folder: Folder for synthetic images.

    Returns:
        The same config if its files exist, else one of the synthetic images with the same pipeline.
    """
    try:
        DATASETS.build(dataset)
    except FileNotFoundError as error:
        if not (folder / 'train.npz').is_file():
            print(f'{error}\nMeasuring on {NUM_IMAGES} synthetic images instead.')
            make_dataset(folder, StudioSettings('easy', 256), NUM_IMAGES, 0, progress=False)
        return ConfigDict(
            type='HumanImageDataset',
            ann_file='train.npz',
            data_root=f'{folder}/',
            pipeline=find_pipeline(dataset),
        )
    return dataset


def read_people(
    dataset: ConfigDict, count: int, folder: Path, frame: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Read people of a dataset, spread evenly over it, before its pipeline.

    Args:
        dataset: Config of the dataset.
        count: Number of people; all of them if the dataset has fewer.
        folder: Folder for scaled images.
        frame: Width and height to which images are scaled; None leaves them.

    Returns:
        Inputs of the pipeline.
    """
    built = DATASETS.build(dataset)
    indices = np.linspace(0, len(built) - 1, min(count, len(built))).astype(int)
    rows = [built.get_data_info(int(index)) for index in indices]
    return [enlarge(row, frame, folder / f'{i:06d}.jpg') for i, row in enumerate(rows)] if frame else rows


def enlarge(row: dict[str, Any], frame: Sequence[int], path: Path) -> dict[str, Any]:
    """Write a copy of a person's image in another size, and adapt the labels.

    The image is scaled to the height of the frame, then cropped around the person, or continued on the right
    by its mirror image. Grain is added, because smooth images decode too fast.

    Args:
        row: Input of the pipeline.
        frame: Width and height of the copy in pixels.
        path: File of the copy.

    Returns:
        The input of the pipeline for the copy, with its labels in pixels of the copy.

    Raises:
        BadSampleError: If the image cannot be read.
    """
    width, height = frame
    image = decode(read_image_file(row['img_path']), row['img_path'])
    scale = height / image.shape[0]
    large = cv2.resize(image, (round(image.shape[1] * scale), height), interpolation=cv2.INTER_CUBIC)
    bbox = row['bbox_xywh'] * scale
    left = int(np.clip(bbox[0] + bbox[2] / 2 - width / 2, 0, max(large.shape[1] - width, 0)))
    missing = max(width - large.shape[1], 0)
    large = cv2.copyMakeBorder(large[:, left : left + width], 0, 0, 0, missing, cv2.BORDER_REFLECT)
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 1))
    cv2.imwrite(str(path), np.clip(large + grain, 0, 255).astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, 90))
    row = {**row, 'img_path': str(path), 'bbox_xywh': bbox - np.eye(len(bbox))[0] * left}
    if row.get('keypoints2d') is not None:
        row['keypoints2d'] = row['keypoints2d'] * np.array([scale, scale, 1], np.float32) - np.array(
            [left, 0, 0], np.float32
        )
    if row.get('principal_point') is not None:
        row['principal_point'] = row['principal_point'] * scale - np.array([left, 0])
    if row.get('focal_length') is not None:
        row['focal_length'] = row['focal_length'] * scale
    return row
