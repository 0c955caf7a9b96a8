"""Errors of each person as a file."""

import math

import numpy as np
import pytest

from mmroi.evaluation.person_errors import read_person_errors, save_person_errors

ROWS = [
    {'MPJPE': 90.5, 'PVE': math.nan, 'joints': [80.0, 101.0], 'action': 'Walking', 'img_path': 'a.jpg'},
    {'MPJPE': 70.25, 'joints': [70.0, 70.5]},
]


def test_round_trip(tmp_path):
    save_person_errors(ROWS, tmp_path / 'new', 'h36m')
    first, second = read_person_errors(tmp_path / 'new', 'h36m')
    assert (first['MPJPE'], second['MPJPE']) == (90.5, 70.25)
    assert (first['action'], first['img_path']) == ('Walking', 'a.jpg')
    assert 'action' not in second and 'img_path' not in second
    assert math.isnan(first['PVE']) and math.isnan(second['PVE'])
    assert (first['joints'], second['joints']) == ([80.0, 101.0], [70.0, 70.5])


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='x_per_person.npz: no such file; MeshMetric with out_dir'):
        read_person_errors(tmp_path, 'x')
    save_person_errors(ROWS, tmp_path, 'x')
    path = tmp_path / 'x_per_person.npz'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match='x_per_person.npz is damaged'):
        read_person_errors(tmp_path, 'x')
    np.savez(path, a=np.zeros(2), b=np.zeros(3))
    with pytest.raises(ValueError, match='is damaged'):
        read_person_errors(tmp_path, 'x')
