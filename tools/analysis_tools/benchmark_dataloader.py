"""How many people a loader worker prepares in a second, beside other ways to do it in the same run.

    python tools/analysis_tools/benchmark_dataloader.py CONFIG [--frame 1920 1080] [--json FILE]

Everything runs in one thread, in turns, on the same people:

  decode               OpenCV decodes the photo, nothing else
  decode + crops       and cuts M crops out of it, boxes and matrices for nothing: the least that is needed
  pipeline             the training pipeline of CONFIG, whole: augmentation, boxes, labels and packing, too
  plain pipeline       what many projects do: for each of the M crops the photo is decoded anew and the whole
                       frame normalized in floating point; boxes and matrices for nothing
  decode + MultiRoICrop's crops, and the same from a photo decoded at half size: for those people whose crops
                       are all halved at least, so that they need no full frame

The photos are the config's, or, where its files are absent, synthetic ones made on the spot.
"""

import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from mmroi.benchmark.speed.command_line import (
    add_clock_argument,
    add_frame_argument,
    add_timing_arguments,
    load_config,
    make_parser,
    parse,
    print_table,
    write_json,
)
from mmroi.benchmark.speed.pipelines import read_people, usable_dataset
from mmroi.benchmark.speed.timing import describe_machine, take_turns, typical
from mmroi.datasets.transforms.multi_roi_crop import warp_crops
from mmroi.engine.launch import run_tool
from mmroi.engine.pipelines import read_crops
from mmroi.registry import DATASETS

MEAN, STD = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])


def plain_pipeline(path: str, matrices: np.ndarray, crop_size: Sequence[int]) -> torch.Tensor:
    """Decode and normalizes the frame for each crop anew.

    Args:
        path: The photo.
        matrices: From the photo's pixels to those of the crops, (M, 2, 3).
        crop_size: Height and width.

    Returns:
        Normalized RGB crops, (M, 3, H, W) float32.
    """
    crops = []
    for matrix in matrices:
        frame = cv2.imread(path)[..., ::-1].astype(np.float32)
        frame = (frame - MEAN) / STD
        crop = cv2.warpAffine(frame, matrix, (crop_size[1], crop_size[0]))
        crops.append(torch.from_numpy(crop.transpose(2, 0, 1).copy()))
    return torch.stack(crops)


def bare_crops(path: str, matrices: np.ndarray, crop_size: Sequence[int]) -> list[np.ndarray]:
    """Decode the frame once and warps each crop out of it."""
    frame = cv2.imread(path)
    return [cv2.warpAffine(frame, matrix, (crop_size[1], crop_size[0])) for matrix in matrices]


def half_size_crops(path: str, matrices: np.ndarray, crop_size: Sequence[int]) -> np.ndarray:
    """Decode the frame at half size, which JPEG allows at less cost, and warps as ``MultiRoICrop`` does."""
    frame = cv2.imread(path, cv2.IMREAD_REDUCED_COLOR_2)
    # Pixel centers: x = 2 (x_half + 0.5) - 0.5.
    shift = matrices[:, :, :2] @ np.array([0.5, 0.5]) + matrices[:, :, 2]
    halved = np.concatenate([2 * matrices[:, :, :2], shift[:, :, None]], axis=2)
    return warp_crops(frame, halved, tuple(crop_size))


def needs_no_full_frame(matrices: np.ndarray) -> bool:
    """Whether each crop has at most half the resolution of the photo."""
    return bool((np.hypot(matrices[:, 0, :2], matrices[:, 1, :2]) <= 0.5).all())


def main() -> None:
    """Measures."""
    parser = make_parser(__doc__)
    add_frame_argument(parser, None)
    parser.add_argument('--samples', type=int, default=32, help='people (default: 32)')
    add_timing_arguments(parser)
    add_clock_argument(parser)
    args = parse(parser)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    config = load_config(args)
    device = torch.device('cpu')
    machine = describe_machine(device)
    with tempfile.TemporaryDirectory() as folder:
        config_of_set = usable_dataset(config.train_dataloader.dataset, Path(folder))
        people = read_people(config_of_set, args.samples, Path(folder), args.frame)
        pipeline = DATASETS.build(config_of_set).pipeline
        packed = [pipeline(copy.deepcopy(person))['data_samples'] for person in people]
        views = [
            (person['img_path'], p.crop_matrices, p.crop_size)
            for person, p in zip(people, packed, strict=True)
        ]
        small = [view for view in views if needs_no_full_frame(view[1])]
        calls = {
            'decode': lambda: [cv2.imread(path) for path, _, _ in views],
            'decode + crops': lambda: [bare_crops(*view) for view in views],
            'pipeline': lambda: [pipeline(copy.deepcopy(person)) for person in people],
            'plain pipeline': lambda: [plain_pipeline(*view) for view in views],
        }
        if small:
            calls |= {
                "decode + MultiRoICrop's crops": lambda: [
                    warp_crops(cv2.imread(path), matrices, tuple(size)) for path, matrices, size in small
                ],
                "half-size decode + MultiRoICrop's crops": lambda: [half_size_crops(*view) for view in small],
            }
        for call in calls.values():
            call()
        turns = take_turns(calls, device, args.seconds, args.rounds, args.cpu_time)
        difference = [
            np.abs(
                warp_crops(cv2.imread(path), matrices, tuple(size)).astype(float)
                - half_size_crops(path, matrices, size)
            ).mean()
            for path, matrices, size in small
        ]
        photo_kib = float(np.mean([Path(path).stat().st_size for path, _, _ in views])) / 1024
    seconds = {name: typical(turns[name]) / (len(small) if 'Multi' in name else len(views)) for name in calls}
    rows = [
        dict(
            what=name,
            people_per_second=1 / value,
            ms_per_person=1e3 * value,
            ratio=seconds['plain pipeline'] / value if 'Multi' not in name else None,
        )
        for name, value in seconds.items()
    ]
    height, width = packed[0].img_shape
    crop = read_crops(config.train_dataloader)
    rois, share = len(packed[0].boxes), len(small) / len(views)
    print(
        f'One worker; photos of {width}x{height}, {photo_kib:.0f} KiB; {rois} crops of '
        f'{crop.crop_size[0]}x{crop.crop_size[1]} for each of {len(views)} people.'
    )
    print_table(rows)
    print(
        f'{share:.0%} of the people need no full frame.'
        + (
            f' Crops from half size differ by {np.mean(difference):.2f} of 255 gray levels in the mean.'
            if small
            else ''
        )
    )
    write_json(
        args.json,
        config=args.config,
        machine=machine,
        cpu_time=args.cpu_time,
        frame=[int(width), int(height)],
        photo_kib=photo_kib,
        rois=rois,
        crop_size=list(crop.crop_size),
        people=len(views),
        rows=rows,
        half_size_share=share,
        half_size_difference=float(np.mean(difference)) if small else None,
    )


if __name__ == '__main__':
    run_tool(main)
