"""What it costs to open a HumanData file and to read it in the workers of a loader.

``python tools/analysis_tools/benchmark_humandata.py [FILE] [--rows 300000] [--workers 4] [--json FILE]``

Without FILE, a compressed file is made as MMHuman3D writes that of Human3.6M: 17 of 190 joints, float64,
SMPL parameters as a pickle. It is opened twice, each time in a process of its own: at first it is unpacked,
later the copy is mapped. Then the workers read every label once. Memory is what the process has on top of
what its libraries take; the pages of mapped files that workers share are divided among them (Linux only).
"""

import argparse
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.datasets import HumanImageDataset
from mmroi.engine.launch import run_tool
from mmroi.fileio import HumanData
from mmroi.structures import get_convention


def make_file(path: Path, rows: int) -> None:
    """Write a file with random labels.

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


def memory(key: str) -> float:
    """Megabytes of this process, a line of ``/proc/self/smaps_rollup`` or ``/proc/self/status``."""
    text = ''.join(Path(f'/proc/self/{name}').read_text() for name in ('smaps_rollup', 'status'))
    lines = dict(line.split(':', 1) for line in text.splitlines() if ':' in line)
    return int(lines[key].split()[0]) / 1024


def open_file(path: Path) -> dict[str, float]:
    """Open a file as training does, with all checks of its labels."""
    before, start = memory('Rss'), time.perf_counter()
    dataset = HumanImageDataset(str(path), skip_bad=True)
    dataset.get_data_info(len(dataset) // 2)
    seconds = time.perf_counter() - start
    return dict(seconds=seconds, memory_mb=memory('Rss') - before, peak_mb=memory('VmHWM') - before)


def read_in_workers(path: Path, workers: int) -> list[dict[str, float]]:
    """Open a file and reads all of its labels in forked workers at the same time.

    Args:
        path: The file.
        workers: Their number.

    Returns:
        What each worker has for itself, and its share of what all of them have.
    """
    dataset = HumanImageDataset(str(path), skip_bad=True)
    context = multiprocessing.get_context('fork')
    barrier, results = context.Barrier(workers), context.Queue()

    def read() -> None:
        before = memory('Anonymous'), memory('Pss')
        for row in range(len(dataset)):
            dataset.get_data_info(row)
        barrier.wait()
        results.put(dict(own_mb=memory('Anonymous') - before[0], share_mb=memory('Pss') - before[1]))
        barrier.wait()

    processes = [context.Process(target=read) for _ in range(workers)]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return found


def in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a fresh interpreter."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, args)


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('file', nargs='?', type=Path, help='HumanData npz; one is made if left out')
    parser.add_argument('--rows', type=int, default=300_000, help='rows of the file that is made')
    parser.add_argument('--workers', type=int, default=4, help='workers that read it')
    parser.add_argument('--json', type=Path, help='write the figures there')
    return parser.parse_args()


def main() -> None:
    """Measure and prints."""
    args = parse_args()
    folder = Path(tempfile.mkdtemp(dir=args.file.parent if args.file else None))
    try:
        path = folder / 'people.npz'
        if args.file:
            path.symlink_to(args.file.resolve())
        else:
            in_new_process(make_file, path, args.rows)
        figures = dict(
            file_mb=path.stat().st_size / 2**20,
            first=in_new_process(open_file, path),
            second=in_new_process(open_file, path),
        )
        figures['copy_mb'] = sum(f.stat().st_size for f in folder.glob('*.cache')) / 2**20
        figures['workers'] = read_in_workers(path, args.workers)
    finally:
        shutil.rmtree(folder)
    for name in ('first', 'second'):
        text = '{seconds:.2f} s, {memory_mb:.0f} MB, at most {peak_mb:.0f} MB'.format(**figures[name])
        print(f'{name} opening: {text}')
    for index, worker in enumerate(figures['workers']):
        text = '{own_mb:.0f} MB of its own, {share_mb:.0f} MB with its share'.format(**worker)
        print(f'worker {index}: {text}')
    print(f'file {figures["file_mb"]:.0f} MB, unpacked copy {figures["copy_mb"]:.0f} MB')
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2))


if __name__ == '__main__':
    run_tool(main)
