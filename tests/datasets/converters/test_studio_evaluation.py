"""Converted test sets go through the pipeline into the metric: people predicted perfectly have no error."""

import pytest

from mmroi.evaluation import MeshMetric

from . import h36m_download, mpi_inf_3dhp_download
from .h36m_download import CAMERA_NAMES, CAMERAS, TEST, write_mosh
from .studio import named, samples_of


def evaluate(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(len(samples))


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_h36m(tmp_path, body):
    studio = h36m_download.Studio(tmp_path / 'h36m', body)
    for subject in TEST:
        write_mosh(studio, subject, CAMERA_NAMES[3])
    npz = studio.convert('valid_protocol2', mosh='mosh').path

    def true_joints(sample, frame):
        subject = 'S9' if '/S9/' in sample['img_path'] else 'S11'
        return CAMERAS[subject, CAMERA_NAMES[3]].move(studio.performances[subject].joints_h36m[frame])

    samples = samples_of(npz, studio.root, true_joints)
    for gt, name in (('dataset', 'h36m_p2_dataset'), ('smpl', 'h36m_p2')):
        metric = MeshMetric('h36m_p2', dict(type='SMPL'), gt, out_dir=str(tmp_path / name))
        numbers = evaluate(metric, samples)
        assert numbers[f'{name}/MPJPE'] == pytest.approx(0, abs=0.05)
        assert numbers[f'{name}/PA-MPJPE'] == pytest.approx(0, abs=0.05)
    assert 'Photo' in str(metric.tables) and 'Directions' in str(metric.tables)


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_mpi_inf_3dhp(tmp_path, body):
    studio = mpi_inf_3dhp_download.Studio(tmp_path / 'mpi', body)
    npz = studio.convert('test').path
    joints = named(studio.performance.joints, 'h36m')

    def true_joints(sample, frame):
        name = next(name for name in mpi_inf_3dhp_download.TESTS if f'/{name}/' in sample['img_path'])
        return mpi_inf_3dhp_download.TESTS[name].move(joints[frame])

    metric = MeshMetric('mpi_inf_3dhp', dict(type='SMPL'))
    numbers = evaluate(metric, samples_of(npz, studio.root, true_joints))
    # The universal skeleton is a tenth smaller; aligned by a similarity, nothing is left.
    assert numbers['mpi_inf_3dhp/PA-MPJPE'] == pytest.approx(0, abs=0.05)
    assert 20 < numbers['mpi_inf_3dhp/MPJPE'] < 80
    table = metric.tables['per_action']
    assert {row[0] for row in table.rows} == {'Standing/Walking', 'Sitting', 'Miscellaneous', 'all'}
    assert table.columns[2:8] == ('MPJPE', 'PA-MPJPE', 'PCK', 'AUC', 'PA-PCK', 'PA-AUC')
    for row in table.rows:
        assert row[6] == 100 and row[7] == pytest.approx(3000 / 31) and row[5] < row[7]
