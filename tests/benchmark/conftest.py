import os
import signal
import time
from pathlib import Path

import pytest

from mmroi.benchmark import profiles, results, runs, suites
from mmroi.evaluation import Table


@pytest.fixture(scope='session')
def quick():
    return profiles.load_profile('quick')


def measured(row, seed, folder, **numbers):
    run = runs.Run(row, seed, folder)
    joints = Table(('joint', 'MPJPE'), [('hip', numbers['MPJPE']), ('all', numbers['MPJPE'] + 2)])
    curve = {1: numbers['MPJPE'] + 20, 2: numbers['MPJPE']}
    record = dict(date='2026-01-02T03:04:05', device='2 cores', code='mmroi 1, commit abc')
    return results.Measured(run, dict(numbers, people=640), dict(per_joint=joints), curve, 9, record)


@pytest.fixture
def summaries(tmp_path):
    """Three seeds; one seed that failed and one to run; only quoted."""
    first = suites.Row('a', 'first', 'a.py', paper={'MPJPE': 80.8, 'PA-MPJPE': '52 to 54'})
    second, third = suites.Row('b', 'second', 'b.py'), suites.Row('c', 'third', paper={'MPJPE': 70.0})
    seeds = [
        measured(
            first,
            seed,
            tmp_path,
            MPJPE=value,
            camera_translation=300.0 + seed,
            camera_spread=10.0,
            parameters=4.567,
        )
        for seed, value in ((0, 100.0), (1, 103.0), (2, 109.0))
    ]
    return [
        results.Summary(first, tuple(seeds), (), 0),
        results.Summary(
            second,
            (measured(second, 0, tmp_path, MPJPE=120.0, camera_translation=5.0),),
            ('train.py: error: no',),
            1,
        ),
        results.Summary(third, (), (), 0),
    ]


@pytest.fixture
def is_alive():
    """Whether a process runs; one that nobody has buried does not."""

    def check(pid):
        try:
            return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
        except FileNotFoundError:
            return False

    return check


@pytest.fixture
def assert_ends(is_alive):
    """Wait for a process to end; fail, and kill it, if it does not."""

    def check(pid):
        for _ in range(300):
            if not is_alive(pid):
                return
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        pytest.fail('the training goes on')

    return check
