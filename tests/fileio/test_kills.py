"""Processes that are killed while they write: what is under a final name is always whole."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.npz_io import LazyNpz, write_npz

KILLS = int(os.environ.get('MMROI_KILLS', '20'))
NUMBERS = np.arange(50_000)


def write_for_ever(folder: Path) -> None:
    number = 0
    while True:
        number += 1
        write_npz(folder / 'a.npz', dict(numbers=NUMBERS + number))
        with atomic_write(folder / 'note', fsync=False) as temporary:
            temporary.write_text(str(number) * 1000)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='starts hundreds of processes')
def test_random_kills(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    context = multiprocessing.get_context('fork')
    for _ in range(KILLS):
        process = context.Process(target=write_for_ever, args=(tmp_path,))
        process.start()
        while not (tmp_path / 'note').exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        numbers = LazyNpz(tmp_path / 'a.npz').read('numbers')  # compares the checksum
        np.testing.assert_array_equal(numbers - numbers[0], NUMBERS)
        note = (tmp_path / 'note').read_text()
        assert note == note[: len(note) // 1000] * 1000
