import builtins
import csv
import math

import cv2
import numpy as np
import pytest

from mmroi.evaluation import MeshMetric, Table, draw_bars
from mmroi.evaluation.tables import make_tables, mean_errors, save_tables

NAN = float('nan')
RESULTS = [
    {'MPJPE': 2.0, 'depth': NAN, 'joints': [1.0, 3.0], 'action': 'Walking'},
    {'MPJPE': 4.0, 'depth': NAN, 'joints': [2.0, 6.0], 'action': 'Eating'},
    {'MPJPE': 6.0, 'depth': 8.0, 'joints': [3.0, 9.0], 'action': 'Walking'},
    {'MPJPE': 8.0, 'PVE': NAN, 'joints': [4.0, 12.0]},
]


def test_values_by_hand():
    assert mean_errors(RESULTS) == {'MPJPE': 5, 'depth': 8}
    tables = make_tables(RESULTS, ('hip', 'knee'))
    assert tables['per_joint'] == (('joint', 'MPJPE'), [('hip', 2.5), ('knee', 7.5), ('all', 5)])
    table = tables['per_action']
    assert table.columns == ('action', 'samples', 'MPJPE', 'depth')
    assert table.rows[1:] == [('Walking', 2, 4, 8), ('all', 4, 5, 8)]
    assert table.rows[0][:3] == ('Eating', 1, 4) and math.isnan(table.rows[0][3])
    assert set(make_tables(RESULTS[3:], ('hip', 'knee'))) == {'per_joint'}


def test_pck_and_auc_of_joints_by_hand():
    # Errors of the hip are 1, 2, 3, 4 and of the knee 3, 6, 9, 12; thresholds 0, 0.2, ..., 6.
    table = make_tables(RESULTS, ('hip', 'knee'), pck_threshold=6.1)['per_joint']
    assert table.columns == ('joint', 'MPJPE', 'PCK', 'AUC')
    assert [row[2] for row in table.rows] == [100, 50, 75]
    table = make_tables(RESULTS, ('hip', 'knee'), pck_threshold=3)['per_joint']
    assert [row[:3] for row in table.rows] == [('hip', 2.5, 50), ('knee', 7.5, 0), ('all', 5, 25)]
    # 1 is below the 20 thresholds from 1.1 to 3, 2 below the 10 from 2.1, 3 and 4 below none.
    assert [row[3] for row in table.rows] == pytest.approx([100 * 30 / 4 / 31, 0, 100 * 15 / 4 / 31])


def test_metric_writes_its_tables(make_sample, body_model, tmp_path):
    samples = [dict(make_sample(seed), action='Walking' if seed else 'Eating, sitting') for seed in range(3)]
    metric = MeshMetric(body_model=body_model, out_dir=str(tmp_path / 'tables'))
    metric.process(None, samples)
    got = metric.evaluate(3)
    rows = list(csv.reader((tmp_path / 'tables' / 'synthetic_per_action.csv').open(newline='')))
    assert [row[:2] for row in rows] == [
        ['action', 'samples'],
        ['Eating, sitting', '1'],
        ['Walking', '2'],
        ['all', '3'],
    ]
    assert rows[0][2:5] == ['MPJPE', 'PA-MPJPE', 'PVE']
    assert float(rows[3][4]) == got['synthetic/PVE']
    assert (float(rows[1][2]) + 2 * float(rows[2][2])) / 3 == pytest.approx(got['synthetic/MPJPE'])
    rows = list(csv.reader((tmp_path / 'tables' / 'synthetic_per_joint.csv').open(newline='')))
    assert len(rows) == 1 + 14 + 1 and float(rows[-1][1]) == pytest.approx(got['synthetic/MPJPE'])


def test_names_come_back_from_csv(tmp_path):
    save_tables(dict(t=Table(('a', 'b'), [('x, "y"', 1.5)])), tmp_path, 'p')
    assert list(csv.reader((tmp_path / 'p_t.csv').open(newline=''))) == [['a', 'b'], ['x, "y"', '1.5']]


def test_bars_are_drawn(tmp_path):
    table = make_tables(RESULTS, ('hip', 'knee'))['per_action']
    draw_bars(dict(ours=table), tmp_path / 'new' / 'one.png')
    draw_bars(dict(ours=table, theirs=table), tmp_path / 'two.png', column='depth', unit='%')
    colors = []
    for name in ('new/one.png', 'two.png'):
        pixels = cv2.imread(str(tmp_path / name)).reshape(-1, 3)
        colors.append(len(np.unique(pixels[np.ptp(pixels, axis=1) > 80], axis=0)))
    assert 0 < colors[0] < colors[1]  # another color for another evaluation
    with pytest.raises(ValueError, match='tables of a and b differ in their actions'):
        draw_bars(dict(a=table, b=Table(table.columns, table.rows[1:])), tmp_path / 'x.png')


def test_plots_without_matplotlib_name_the_extra(monkeypatch, tmp_path):
    plain_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split('.')[0] == 'matplotlib':
            raise ImportError(name)
        return plain_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', refuse)
    with pytest.raises(ImportError, match=r'extra `vis`: pip install'):
        draw_bars(make_tables(RESULTS, ('hip', 'knee')), tmp_path / 'x.png')
