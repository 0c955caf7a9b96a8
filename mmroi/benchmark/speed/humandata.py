"""Cost of opening a HumanData file and of reading it in the workers of a loader."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.benchmark.speed.memory import process_memory
from mmroi.datasets import HumanImageDataset
from mmroi.fileio import HumanData
from mmroi.structures import get_convention


def make_h36m_file(path: Path, rows: int) -> None:
    """Write a compressed file with random labels, laid out as MMHuman3D writes Human3.6M.

    Args:
        path: File to write.
        rows: Number of people.
    """
    rng = np.random.default_rng(0)
    h36m = set(get_convention('h36m'))
    mask = np.array([name in h36m for name in get_convention('human_data')], np.uint8)
    ones = np.ones((rows, 17, 1))
    data = HumanData()
    sequence = 'S1_Walking_1.60457274'
    data['image_path'] = [f'S1/images/{sequence}/{sequence}_{i:06d}.jpg' for i in range(rows)]
    data['bbox_xywh'] = np.concatenate([rng.uniform(100, 500, (rows, 4)), ones[:, 0]], 1)
    data['keypoints2d'] = np.concatenate([rng.uniform(0, 1000, (rows, 17, 2)), ones], 2)
    data['keypoints3d'] = np.concatenate([rng.normal(0, 0.2, (rows, 17, 3)), ones], 2)
    for key in ('keypoints2d', 'keypoints3d'):
        data[f'{key}_mask'], data[f'{key}_convention'] = mask, 'human_data'
    data['smpl'] = dict(
        body_pose=rng.normal(0, 0.3, (rows, 23, 3)),
        global_orient=rng.normal(0, 1, (rows, 3)),
        betas=rng.normal(0, 1, (rows, 10)),
    )
    data['meta'] = dict(gender=['m', 'f'] * (rows // 2) + ['m'] * (rows % 2))
    data.keypoints_compressed = True
    data.dump(path, compress=True)


def open_file(path: Path) -> dict[str, float]:
    """Open a file as training does, with all checks of its labels.

    Args:
        path: HumanData file.

    Returns:
        ``seconds``, and the MiB that this process takes on top: ``memory_mb`` afterwards, ``peak_mb`` at
        most.
    """
    before, start = process_memory('Rss'), time.perf_counter()
    dataset = HumanImageDataset(str(path), skip_bad=True)
    dataset.get_data_info(len(dataset) // 2)
    seconds = time.perf_counter() - start
    return dict(
        seconds=seconds,
        memory_mb=process_memory('Rss') - before,
        peak_mb=process_memory('VmHWM') - before,
    )


def read_in_workers(path: Path, workers: int) -> list[dict[str, float]]:
    """Open a file and read all of its labels in forked workers at the same time.

    Args:
        path: HumanData file.
        workers: Number of workers.

    Returns:
        MiB of each worker: ``own_mb`` of its own pages, ``share_mb`` with its share of the common ones.
    """
    dataset = HumanImageDataset(str(path), skip_bad=True)
    context = multiprocessing.get_context('fork')
    barrier, results = context.Barrier(workers), context.Queue()

    def read() -> None:
        before = process_memory('Anonymous'), process_memory('Pss')
        for row in range(len(dataset)):
            dataset.get_data_info(row)
        barrier.wait()
        own, share = process_memory('Anonymous'), process_memory('Pss')
        results.put(dict(own_mb=own - before[0], share_mb=share - before[1]))
        barrier.wait()

    processes = [context.Process(target=read) for _ in range(workers)]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return found


def in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a fresh interpreter and return its result."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, args)
