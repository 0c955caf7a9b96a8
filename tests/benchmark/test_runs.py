"""Runs and their folders."""

from pathlib import Path

import pytest

from mmroi.benchmark import runs, suites

ROOT = Path(__file__).parents[2]


def test_all_rows_with_one_seed_come_before_the_next_seed(tmp_path):
    suite = suites.load_suite('table1').select(['cliff', 'niki', 'multi-roi'])
    planned = runs.plan(suite.rows, [0, 4], tmp_path)
    assert [run.name for run in planned] == [
        'cliff, seed 0',
        'multi-roi, seed 0',
        'cliff, seed 4',
        'multi-roi, seed 4',
    ]
    assert planned[0].folder == tmp_path / 'runs/cliff/cliff_hr48_mixture_then_cliff_hr48_pw3d-finetune/seed0'


def test_suites_share_the_runs_of_the_rows_that_they_have_in_common(tmp_path):
    folders = [
        runs.plan(suites.load_suite(name).select(['full']).rows, [0], tmp_path)[0].folder
        for name in ('table2', 'table3', 'table4', 'figure8', 'ours', 'rois_beyond_5')
    ]
    assert set(folders) == {tmp_path / 'runs/ablation/multi-roi_r50_coco/seed0'}


def test_a_folder_is_kept_for_one_benchmark(tmp_path):
    with (
        runs.locked(tmp_path),
        pytest.raises(RuntimeError, match='another benchmark'),
        runs.locked(tmp_path),
    ):
        pass
    with runs.locked(tmp_path):
        pass
