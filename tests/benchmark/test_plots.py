"""Plots of a suite."""

import pytest

from mmroi.benchmark import comparison, plots, suites
from mmroi.evaluation import Table
from mmroi.evaluation.paired_bootstrap import Difference


def test_pictures(summaries, tmp_path):
    pictures = plots.draw_all(summaries, [], tmp_path / 'new')
    assert [path.name for path in pictures] == ['curves.png', 'per_joint.png', 'cameras.png']
    assert all(path.stat().st_size > 1000 for path in pictures)
    assert plots.draw_all(summaries[2:], [], tmp_path / 'new') == []
    tables = [one.tables['per_joint'] for one in summaries[0].measured]
    assert plots.mean_table(tables) == Table(('joint', 'MPJPE'), [('hip', 104.0), ('all', 106.0)])


@pytest.mark.parametrize('name', ['robustness', 'table2'])
def test_differences_of_a_suite_are_drawn_by_its_conditions(name, tmp_path):
    suite = suites.load_suite(name)
    compared = []
    for row in suite.tested_rows:
        differences = {'MPJPE': Difference(-2.0, -3.0, -1.0, 10, 50)}
        compared.append(comparison.Comparison(row.label, 'CLIFF', differences, row.condition))
    assert plots.draw_all([], compared, tmp_path) == [tmp_path / 'differences.png']
    plots.draw_changes(compared, tmp_path / 'changes.png')
    drawn = (tmp_path / 'differences.png').read_bytes()
    assert (drawn == (tmp_path / 'changes.png').read_bytes()) == bool(suite.conditions)
