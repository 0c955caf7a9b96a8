"""How many people a loader worker prepares in a second, beside a plain pipeline in the same run.

`python tools/analysis_tools/benchmark_dataloader.py CONFIG [--frame-width 1920] [--json FILE]`

The plain pipeline stands for what many projects do for M RoIs: for each of them it decodes the photo,
normalises the whole frame in floating point, and then warps the crop out of it. It gets boxes and matrices
for nothing. Both run in one thread, in turns, on the same people.
"""

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.engine.launch import run_tool
from mmroi.registry import DATASETS

MEAN, STD = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])


def plain_pipeline(path: str, matrices: np.ndarray, crop_size: Sequence[int]) -> torch.Tensor:
    """Decodes and normalises the frame for each crop anew.

    Args:
        path: The photo.
        matrices: From the photo's pixels to those of the crops, (M, 2, 3).
        crop_size: Height and width.

    Returns:
        Normalised RGB crops, (M, 3, H, W) float32.
    """
    crops = []
    for matrix in matrices:
        frame = cv2.imread(path)[..., ::-1].astype(np.float32)
        frame = (frame - MEAN) / STD
        crop = cv2.warpAffine(frame, matrix, (crop_size[1], crop_size[0]))
        crops.append(torch.from_numpy(crop.transpose(2, 0, 1).copy()))
    return torch.stack(crops)


def enlarge(info: dict, width: int, folder: Path) -> dict:
    """A person in an enlarged copy of the photo.

    Args:
        info: A row of the data set, before the pipeline.
        width: Of the copy, pixels.
        folder: Where the copy goes.

    Returns:
        The row with its labels in pixels of the copy.
    """
    photo = cv2.imread(info['img_path'])
    scale = width / photo.shape[1]
    path = folder / f'{info["sample_idx"]:06d}.jpg'
    if not path.is_file():
        cv2.imwrite(str(path), cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    info = {**info, 'img_path': str(path), 'bbox_xywh': info['bbox_xywh'] * scale}
    info['keypoints2d'] = info['keypoints2d'] * np.float32([scale, scale, 1])
    for key in ('focal_length', 'principal_point'):
        if info[key] is not None:
            info[key] = info[key] * scale
    return info


def seconds_each(function: Callable[[int], object], count: int, duration: float) -> float:
    """Mean time of a call, over whole rounds of `count` calls that last at least `duration` seconds."""
    function(0)
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < duration:
        for i in range(count):
            function(i)
        calls += count
    return (time.perf_counter() - start) / calls


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description='Speed of the data pipeline in one loader worker')
    parser.add_argument('config')
    parser.add_argument('--frame-width', type=int, help='enlarge the photos to this width first, e.g. 1920')
    parser.add_argument('--samples', type=int, default=32, help='how many people')
    parser.add_argument('--seconds', type=float, default=3, help='how long each of the three rounds lasts')
    parser.add_argument('--json', type=Path, help='write the figures here')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    config = Config.fromfile(args.config)
    init_default_scope(config.get('default_scope', 'mmroi'))
    dataset = DATASETS.build(config.train_dataloader.dataset)
    count = min(args.samples, len(dataset))
    rows = [dataset.get_data_info(int(i)) for i in np.linspace(0, len(dataset) - 1, count)]
    with tempfile.TemporaryDirectory() as folder:
        if args.frame_width:
            rows = [enlarge(row, args.frame_width, Path(folder)) for row in rows]
        packed = [dataset.pipeline(copy.deepcopy(row))['data_samples'] for row in rows]

        def ours(i: int) -> None:
            dataset.pipeline(copy.deepcopy(rows[i]))

        def plain(i: int) -> None:
            plain_pipeline(rows[i]['img_path'], packed[i].crop_matrices, packed[i].crop_size)

        rounds = [
            (seconds_each(ours, count, args.seconds), seconds_each(plain, count, args.seconds))
            for _ in range(3)
        ]
    seconds = np.median(rounds, axis=0)
    height, width = packed[0].img_shape
    result = dict(
        config=args.config,
        frame=[int(width), int(height)],
        rois=len(packed[0].boxes),
        crop_size=list(packed[0].crop_size),
        samples_per_second=1 / seconds[0],
        plain_samples_per_second=1 / seconds[1],
        ratio=seconds[1] / seconds[0],
    )
    print(f'{width}x{height} photos, {result["rois"]} crops of {result["crop_size"]}, one worker:')
    print(f'{1 / seconds[0]:.1f} people/s, plain pipeline {1 / seconds[1]:.1f}, ratio {result["ratio"]:.2f}')
    if args.json:
        args.json.write_text(json.dumps(result, indent=2), encoding='utf-8')


if __name__ == '__main__':
    run_tool(main)
