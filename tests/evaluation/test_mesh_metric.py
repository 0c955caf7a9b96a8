import copy

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmroi.evaluation import EvaluationProtocol, MeshMetric
from mmroi.registry import METRICS
from mmroi.structures import H36M_17, H36M_TO_J14


@pytest.fixture
def metric(body_model):
    return MeshMetric(body_model=body_model)


def evaluate(metric, samples, batch_size=2):
    for start in range(0, len(samples), batch_size):
        metric.process(None, samples[start : start + batch_size])
    return metric.evaluate(len(samples))


def plain_errors(sample, body_model):
    """The synthetic protocol in plain NumPy, one sample, from its description."""
    label, pred = sample['gt_instances'], sample['pred_instances']
    body = body_model(label['global_orient'], label['body_pose'], label['betas'])
    true_joints, true_vertices = (
        body.joints_h36m[0].numpy().astype(float),
        body.vertices[0].numpy().astype(float),
    )
    joints, vertices = (pred[key][0].numpy().astype(float) for key in ('joints_h36m', 'vertices'))
    j14 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
    a, b = (joints - joints[0])[j14], (true_joints - true_joints[0])[j14]
    mean_a, mean_b = a.mean(0), b.mean(0)
    rotation, _ = Rotation.align_vectors(b - mean_b, a - mean_a)
    turned = rotation.apply(a - mean_a)
    aligned = (turned * (b - mean_b)).sum() / (turned**2).sum() * turned + mean_b
    pelvis = pred['joints3d'][0, 0].numpy() + pred['camera_translation'][0].numpy()
    true_pelvis = label['pelvis'][0].numpy()
    relative = Rotation.from_matrix(pred['global_orient'][0].numpy()).inv() * Rotation.from_rotvec(
        label['global_orient'][0]
    )
    cameras = pred['full_cameras'][0].numpy().astype(float)
    distances = np.linalg.norm(cameras - cameras.mean(0), axis=1)
    return {
        'MPJPE': 1000 * np.linalg.norm(a - b, axis=1).mean(),
        'PA-MPJPE': 1000 * np.linalg.norm(aligned - b, axis=1).mean(),
        'PVE': 1000 * np.linalg.norm(vertices - joints[0] - true_vertices + true_joints[0], axis=1).mean(),
        'orientation': np.degrees(relative.magnitude()),
        'camera_spread': 1000 * np.sqrt((distances**2).mean()),
        'camera_translation': 1000 * np.linalg.norm(pelvis - true_pelvis),
        'depth': 100 * abs(pelvis[2] - true_pelvis[2]) / true_pelvis[2],
    }


def test_equals_a_plain_loop(metric, body_model, make_sample):
    samples = [make_sample(seed) for seed in range(5)]
    expected = [plain_errors(sample, body_model) for sample in samples]
    got = evaluate(metric, samples)
    assert set(got) == {f'synthetic/{name}' for name in expected[0]}
    for name in expected[0]:
        assert got[f'synthetic/{name}'] == pytest.approx(np.mean([e[name] for e in expected]), rel=1e-4), name


def test_right_predictions_have_no_error(metric, body_model, make_sample):
    sample = make_sample(0, noise=0)
    pred = sample['pred_instances']
    pred['camera_translation'] = sample['gt_instances']['pelvis'] - body_model.rest_root(pred['betas'])
    for name, value in evaluate(metric, [sample]).items():
        assert value == pytest.approx(0, abs=0.05), name  # mm, degrees


def test_translation_of_the_body_frame_changes_no_mesh_error(metric, make_sample):
    sample = make_sample(0)
    before = evaluate(metric, [copy.deepcopy(sample)])
    for key in ('vertices', 'joints_h36m'):
        sample['pred_instances'][key] = sample['pred_instances'][key] + torch.tensor([1.0, 2.0, 3.0])
    after = evaluate(metric, [sample])
    for name in ('MPJPE', 'PA-MPJPE', 'PVE'):
        assert after[f'synthetic/{name}'] == pytest.approx(before[f'synthetic/{name}'], rel=1e-4)


def test_batches_of_any_size_give_the_same(metric, make_sample):
    samples = [make_sample(seed) for seed in range(5)]
    one = evaluate(metric, samples, batch_size=1)
    assert evaluate(metric, samples, batch_size=5) == pytest.approx(one, rel=1e-5)


def test_padded_samples_are_dropped(metric, make_sample):
    samples = [make_sample(seed) for seed in range(3)]
    expected = evaluate(metric, samples)
    metric.process(None, samples + samples[:1])
    assert metric.evaluate(3) == pytest.approx(expected)


def test_one_roi_has_no_spread(metric, make_sample):
    assert 'synthetic/camera_spread' not in evaluate(metric, [make_sample(0, num_rois=1)])


def test_camera_errors_only_where_the_camera_is_known(metric, make_sample):
    samples = [make_sample(seed) for seed in range(2)]
    expected = evaluate(metric, samples[:1])
    samples[1]['gt_instances']['has_transl'] = torch.zeros(1)
    got = evaluate(metric, samples)
    assert got['synthetic/camera_translation'] == pytest.approx(expected['synthetic/camera_translation'])
    assert got['synthetic/MPJPE'] != pytest.approx(expected['synthetic/MPJPE'])
    samples[0]['gt_instances']['has_transl'] = torch.zeros(1)
    assert 'synthetic/depth' not in evaluate(metric, samples)


def test_mean_of_joints_is_mpjpe(body_model, make_sample):
    got = evaluate(
        MeshMetric(body_model=body_model, per_joint=True), [make_sample(seed) for seed in range(3)]
    )
    joints = {name: value for name, value in got.items() if name.startswith('synthetic/MPJPE_')}
    assert list(joints) == [f'synthetic/MPJPE_{H36M_17[i]}' for i in H36M_TO_J14]
    assert np.mean(list(joints.values())) == pytest.approx(got['synthetic/MPJPE'])


def test_another_protocol_needs_no_other_metric(body_model, make_sample):
    """Another root, and meshes that are not aligned."""
    protocol = EvaluationProtocol('other', joints=(4,), root=1, pve='unaligned')
    sample = make_sample(0)
    got = evaluate(MeshMetric(protocol, body_model), [sample])
    label, pred = sample['gt_instances'], sample['pred_instances']
    body = body_model(label['global_orient'], label['body_pose'], label['betas'])
    joints, true_joints = pred['joints_h36m'][0], body.joints_h36m[0]
    expected = (joints[4] - joints[1] - true_joints[4] + true_joints[1]).norm()
    assert got['other/MPJPE'] == pytest.approx(1000 * expected.item(), rel=1e-4)
    assert got['other/PVE'] == pytest.approx(
        1000 * (pred['vertices'] - body.vertices).norm(dim=-1).mean().item(), rel=1e-4
    )


def test_built_from_a_config():
    assert METRICS.build(dict(type='MeshMetric', protocol='synthetic')).prefix == 'synthetic'


@pytest.mark.parametrize(
    'group, key, what',
    [
        ('pred_instances', 'vertices', 'prediction'),
        ('pred_instances', 'full_cameras', 'prediction'),
        ('gt_instances', 'betas', 'annotation'),
        ('gt_instances', 'pelvis', 'annotation'),
    ],
)
def test_bad_numbers_are_refused_by_name(metric, make_sample, group, key, what):
    samples = [make_sample(0), make_sample(7)]
    samples[1][group][key] = samples[1][group][key].clone()
    samples[1][group][key].view(-1)[0] = float('nan')
    with pytest.raises(ValueError, match=rf'{what} "{key}" of sample 7 \(images/7.jpg\) has NaN'):
        metric.process(None, samples)
    del samples[1][group][key]
    with pytest.raises(KeyError, match=rf'sample 7 \(images/7.jpg\) has no {what} .*"{key}'):
        metric.process(None, samples)


def test_missing_predictions_and_labels(metric, make_sample):
    sample = make_sample(3)
    sample['gt_instances']['has_smpl'] = torch.zeros(1)
    with pytest.raises(ValueError, match='sample 3 .* no SMPL annotation'):
        metric.process(None, [sample])
    del sample['pred_instances']
    with pytest.raises(KeyError, match='sample 3 .* holds nothing'):
        metric.process(None, [sample])


def test_unknown_protocol_and_empty_data(metric):
    with pytest.raises(KeyError, match='unknown evaluation protocol "h37m"; known: 3dpw, .*, synthetic'):
        MeshMetric('h37m')
    with pytest.raises(KeyError, match='unknown evaluation protocol'):
        MeshMetric(['h36m_p1'])
    with pytest.raises(ValueError, match='"synthetic": the dataset is empty'):
        metric.evaluate(0)
