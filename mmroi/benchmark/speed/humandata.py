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

_ROWS_READ = 50_000
_ROWS_BETWEEN = 127  # readings of the memory; a prime number, so that they come at all stages of releases


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
        ``seconds``, ``cpu_seconds`` of them, and the MiB that this process takes on top: ``memory_mb``
        afterwards, ``peak_mb`` at most.
    """
    before, start, cpu_start = process_memory('Rss'), time.perf_counter(), time.process_time()
    dataset = HumanImageDataset(str(path), skip_bad=True)
    dataset.get_data_info(len(dataset) // 2)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return dict(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        memory_mb=process_memory('Rss') - before,
        peak_mb=process_memory('VmHWM') - before,
    )


def read_in_workers(path: Path, workers: int) -> list[dict[str, float]]:
    """Open a file and read people in random order in forked workers at the same time.

    Args:
        path: HumanData file.
        workers: Number of workers, each of which reads at most 50,000 people.

    Returns:
        What each worker takes at most on top of what it has at its start, in MiB: ``own_mb`` of its own
        pages, ``share_mb`` with its share of the common ones, ``resident_mb`` with all of them; and
        ``microseconds``, CPU time for each person.
    """
    dataset = HumanImageDataset(str(path), skip_bad=True)
    context = multiprocessing.get_context('fork')
    barrier, results = context.Barrier(workers), context.Queue()

    def read(seed: int) -> None:
        rows = np.random.default_rng(seed).permutation(len(dataset))[:_ROWS_READ]
        kinds = dict(own_mb='Anonymous', share_mb='Pss', resident_mb='Rss')
        before = {name: process_memory(kind) for name, kind in kinds.items()}
        most, seconds = dict.fromkeys(kinds, 0.0), 0.0
        barrier.wait()
        for part in np.split(rows, range(_ROWS_BETWEEN, len(rows), _ROWS_BETWEEN)):
            start = time.process_time()
            for row in part.tolist():
                dataset.get_data_info(row)
            seconds += time.process_time() - start
            most = {n: max(most[n], process_memory(kind) - before[n]) for n, kind in kinds.items()}
        barrier.wait()
        results.put(dict(most, microseconds=1e6 * seconds / len(rows)))

    processes = [context.Process(target=read, args=(seed,)) for seed in range(workers)]
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
