"""Datasets and images to measure with: the config's own, or made on the spot."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import ConfigDict

from mmroi.engine.pipelines import find_pipeline
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset

PHOTOS = 32  # made where the config's own are absent


def usable_dataset(dataset: ConfigDict, folder: Path) -> ConfigDict:
    """A dataset's config, or one of photos made here where its files are absent.

    Args:
        dataset: Of the loader.
        folder: Where photos are made.

    Returns:
        A config whose files exist, with the same pipeline.
    """
    try:
        DATASETS.build(dataset)
    except FileNotFoundError as error:
        if not (folder / 'train.npz').is_file():
            print(f'{error}\nMeasuring on {PHOTOS} synthetic photos made for it instead.')
            make_dataset(folder, StudioSettings('easy', 256), PHOTOS, 0, progress=False)
        return ConfigDict(
            type='HumanImageDataset',
            ann_file='train.npz',
            data_root=f'{folder}/',
            pipeline=find_pipeline(dataset),
        )
    return dataset


def read_people(
    dataset: ConfigDict, count: int, folder: Path, frame: Sequence[int] | None = None
) -> list[dict]:
    """People of a dataset, before its pipeline.

    Args:
        dataset: Its config.
        count: How many, if there are as many, spread over the set.
        folder: Where enlarged photos go.
        frame: Width and height to which the photos are enlarged; None leaves them.

    Returns:
        Rows that the pipeline takes.
    """
    built = DATASETS.build(dataset)
    indices = np.linspace(0, len(built) - 1, min(count, len(built))).astype(int)
    rows = [built.get_data_info(int(index)) for index in indices]
    return [enlarge(row, frame, folder / f'{i:06d}.jpg') for i, row in enumerate(rows)] if frame else rows


def enlarge(row: dict, frame: Sequence[int], path: Path) -> dict:
    """A person in a copy of the photo that has another size, with grain: smooth photos are decoded too fast.

    The photo is scaled to the height of the frame, then cut about the person, or continued by its mirror
    image on the right.

    Args:
        row: Of the dataset, before the pipeline.
        frame: Width and height of the copy, pixels.
        path: Of the copy.

    Returns:
        The row with its labels in pixels of the copy.
    """
    width, height = frame
    photo = cv2.imread(row['img_path'])
    scale = height / photo.shape[0]
    large = cv2.resize(photo, (round(photo.shape[1] * scale), height), interpolation=cv2.INTER_CUBIC)
    bbox = row['bbox_xywh'] * scale
    left = int(np.clip(bbox[0] + bbox[2] / 2 - width / 2, 0, max(large.shape[1] - width, 0)))
    missing = max(width - large.shape[1], 0)
    large = cv2.copyMakeBorder(large[:, left : left + width], 0, 0, 0, missing, cv2.BORDER_REFLECT)
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 1))
    cv2.imwrite(str(path), np.clip(large + grain, 0, 255).astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, 90))
    row = {**row, 'img_path': str(path), 'bbox_xywh': bbox - np.eye(len(bbox))[0] * left}
    if row.get('keypoints2d') is not None:
        row['keypoints2d'] = row['keypoints2d'] * np.float32([scale, scale, 1]) - np.float32([left, 0, 0])
    if row.get('principal_point') is not None:
        row['principal_point'] = row['principal_point'] * scale - np.array([left, 0])
    if row.get('focal_length') is not None:
        row['focal_length'] = row['focal_length'] * scale
    return row
