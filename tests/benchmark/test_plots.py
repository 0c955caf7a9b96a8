"""Plots of a suite."""

from mmroi.benchmark import plots
from mmroi.evaluation import Table


def test_pictures(summaries, tmp_path):
    pictures = plots.draw_all(summaries, [], tmp_path / 'new')
    assert [path.name for path in pictures] == ['curves.png', 'per_joint.png', 'cameras.png']
    assert all(path.stat().st_size > 1000 for path in pictures)
    assert plots.draw_all(summaries[2:], [], tmp_path / 'new') == []
    tables = [one.tables['per_joint'] for one in summaries[0].measured]
    assert plots.mean_table(tables) == Table(('joint', 'MPJPE'), [('hip', 104.0), ('all', 106.0)])
