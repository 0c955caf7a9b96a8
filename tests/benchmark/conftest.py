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
