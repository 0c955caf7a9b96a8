"""The numbers of each protocol equal those of plain NumPy code, written from the protocols' descriptions."""

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmroi.body_models import SMPL
from mmroi.evaluation import PROTOCOLS, EvaluationProtocol, MeshMetric, get_protocol
from mmroi.structures import H36M_17, SMPL_54

J14 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
J17 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10, 0, 7, 9]
GENDERS = ('m', 'female', 'male', 'F', 'neutral')
FULL_NAMES = dict(m='male', female='female', male='male', F='female', neutral='neutral')


@pytest.fixture(scope='module')
def models(body_folder):
    return {gender: SMPL(body_folder, gender).eval() for gender in ('neutral', 'male', 'female')}


@pytest.fixture(scope='module')
def regressor(body_folder):
    return np.load(body_folder / 'SMPL_MALE.npz')['J_regressor_h36m'].astype(float)


@pytest.fixture
def samples(make_sample):
    samples = []
    for seed, gender in enumerate(GENDERS):
        samples.append({**copy.deepcopy(make_sample(seed)), 'gender': gender})
    return samples


def evaluate(metric, samples, batch_size=3):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        for start in range(0, len(samples), batch_size):
            metric.process(None, samples[start : start + batch_size])
        return metric.evaluate(len(samples))


def vertices_of(params, model):
    body = model(params['global_orient'], params['body_pose'], params['betas'])
    return body.vertices[0].numpy().astype(float)


def errors_of_joints(joints, true_joints, chosen, pelvis):
    """MPJPE and PA-MPJPE of one person, mm."""
    a, b = (joints - joints[pelvis])[chosen], (true_joints - true_joints[pelvis])[chosen]
    mean_a, mean_b = a.mean(0), b.mean(0)
    rotation, _ = Rotation.align_vectors(b - mean_b, a - mean_a)
    turned = rotation.apply(a - mean_a)
    aligned = (turned * (b - mean_b)).sum() / (turned**2).sum() * turned + mean_b
    return {
        'MPJPE': 1000 * np.linalg.norm(a - b, axis=1).mean(),
        'PA-MPJPE': 1000 * np.linalg.norm(aligned - b, axis=1).mean(),
    }


def pck_and_auc(joints, true_joints):
    """PCK and AUC of many people, (N, K, 3) mm, counted joint by joint."""
    right = dict.fromkeys(range(0, 151, 5), 0)
    for person, true_person in zip(joints, true_joints, strict=True):
        for joint, true_joint in zip(person, true_person, strict=True):
            for threshold in right:
                right[threshold] += math.dist(joint, true_joint) < threshold
    number = len(joints) * len(joints[0])
    return 100 * right[150] / number, 100 * sum(right.values()) / 31 / number


def keypoints_by_name(sample):
    keypoints = sample['gt_instances']['keypoints3d'][0].numpy().astype(float)
    return np.stack([keypoints[SMPL_54.index(name), :3] for name in H36M_17])


def plain(protocol, sample, models, regressor):
    """One person under one protocol."""
    label, pred = sample['gt_instances'], sample['pred_instances']
    joints = regressor @ pred['vertices'][0].numpy().astype(float)
    if protocol == 'mpi_inf_3dhp':  # 17 joints, the pelvis is the one at 14
        errors = errors_of_joints(joints[J17], keypoints_by_name(sample)[J17], list(range(17)), 14)
    elif protocol in ('h36m_p1_dataset', 'h36m_p2_dataset'):
        errors = errors_of_joints(joints, keypoints_by_name(sample), J14, 0)
    else:
        gendered = models[FULL_NAMES[sample['gender']]] if protocol.startswith('3dpw') else models['neutral']
        true_vertices = vertices_of(label, gendered)
        true_joints = regressor @ true_vertices
        errors = errors_of_joints(joints, true_joints, J14, 0)
        if protocol in ('3dpw', 'synthetic'):
            vertices = pred['vertices'][0].numpy() - joints[0]
            errors['PVE'] = 1000 * np.linalg.norm(vertices - true_vertices + true_joints[0], axis=1).mean()
        if protocol == '3dpw_mmhuman3d':
            vertices = vertices_of(pred, gendered)
            errors['PVE'] = 1000 * np.linalg.norm(vertices - true_vertices, axis=1).mean()
    return errors


@pytest.mark.parametrize(
    'protocol, gt',
    [(name, None) for name in PROTOCOLS]
    + [('h36m_p1', 'dataset'), ('h36m_p2', 'dataset'), ('h36m_p1', 'smpl')],
)
def test_equals_plain_numpy(protocol, gt, samples, models, regressor, body_folder):
    metric = MeshMetric(protocol, dict(type='SMPL', model_path=str(body_folder)), gt=gt)
    name = f'{protocol}_dataset' if gt == 'dataset' else protocol
    expected = [plain(name, sample, models, regressor) for sample in samples]
    got = evaluate(metric, samples)
    assert {key for key in got if key.split('/')[1] in ('MPJPE', 'PA-MPJPE', 'PVE')} == {
        f'{name}/{key}' for key in expected[0]
    }
    for key in expected[0]:
        assert got[f'{name}/{key}'] == pytest.approx(np.mean([e[key] for e in expected]), rel=1e-4), key


def test_pck_and_auc_of_mpi_inf_3dhp(samples, regressor, import_mmhuman3d_alone):
    """They equal a count by hand, and MMHuman3D's functions, plain and after Procrustes."""
    pred, true = [], []
    for sample in samples:
        joints = regressor @ sample['pred_instances']['vertices'][0].numpy().astype(float)
        keypoints = keypoints_by_name(sample)
        # Some joints are right, some wrong by more than 150 mm, most between.
        keypoints[:] = joints + (keypoints - joints) * np.linspace(0, 0.5, 17)[:, None]
        for name, point in zip(H36M_17, keypoints, strict=True):
            sample['gt_instances']['keypoints3d'][0, SMPL_54.index(name), :3] = torch.from_numpy(point)
        pred.append(1000 * (joints - joints[0])[J17])
        true.append(1000 * (keypoints - keypoints[0])[J17])
    metric = MeshMetric('mpi_inf_3dhp', per_joint=True)
    got = {name.split('/')[1]: value for name, value in evaluate(metric, samples).items()}
    assert list(got)[:6] == ['MPJPE', 'PA-MPJPE', 'PCK', 'AUC', 'PA-PCK', 'PA-AUC']
    assert (got['PCK'], got['AUC']) == pytest.approx(pck_and_auc(pred, true))
    assert 20 < got['AUC'] < got['PCK'] < 90
    theirs = import_mmhuman3d_alone('core.evaluation.eval_utils')
    mask = np.ones((len(pred), 17), bool)
    for prefix, alignment in (('', 'none'), ('PA-', 'procrustes')):
        arrays = np.stack(pred), np.stack(true), mask
        assert got[f'{prefix}PCK'] == pytest.approx(theirs.keypoint_3d_pck(*arrays, alignment), abs=1e-3)
        assert got[f'{prefix}AUC'] == pytest.approx(theirs.keypoint_3d_auc(*arrays, alignment), abs=1e-3)
    table = metric.tables['per_joint']
    assert table.columns == ('joint', 'MPJPE', 'PCK', 'AUC') and len(table.rows) == 18
    for i, row in enumerate(table.rows[:-1]):
        joint = [person[i : i + 1] for person in pred], [person[i : i + 1] for person in true]
        assert row[2:] == pytest.approx(pck_and_auc(*joint)), row[0]
    assert table.rows[-1] == ('all', *(pytest.approx(got[name]) for name in table.columns[1:]))


def test_only_mpi_inf_3dhp_has_pck():
    thresholds = {name: protocol.pck_threshold for name, protocol in PROTOCOLS.items()}
    assert thresholds.pop('mpi_inf_3dhp') == 150 and set(thresholds.values()) == {None}


def test_gender_of_the_label_counts(samples, body_folder):
    model = dict(type='SMPL', model_path=str(body_folder))
    turned = [{**sample, 'gender': 'male'} for sample in samples]
    got, other = (evaluate(MeshMetric('3dpw', model), s)['3dpw/PVE'] for s in (samples, turned))
    assert abs(got - other) > 1
    metric = MeshMetric('synthetic', model)
    assert evaluate(metric, samples) == pytest.approx(evaluate(metric, turned))


@pytest.mark.parametrize('single', ['open body', 'model', 'file'])
def test_body_without_genders_warns_once(single, samples, body_model, body_folder):
    model = {
        'open body': None,
        'model': body_model,
        'file': dict(type='SMPL', model_path=str(body_folder / 'SMPL_NEUTRAL.npz')),
    }[single]
    metric = MeshMetric('3dpw', model)
    with pytest.warns(UserWarning, match='neutral is used, and the results are not comparable') as caught:
        metric.process(None, samples[:2])
        metric.process(None, samples[2:])
    assert len(caught) == 1
    expected = evaluate(MeshMetric('synthetic', model), samples)
    got = metric.evaluate(len(samples))
    assert got['3dpw/PVE'] == pytest.approx(expected['synthetic/PVE'])


@pytest.mark.parametrize(('protocol', 'gt'), [(name, None) for name in PROTOCOLS] + [('h36m_p1', 'dataset')])
def test_the_open_body_warns_once_wherever_labels_are_smpls(protocol, gt, samples, body_folder):
    def warnings_of(body_model):
        metric = MeshMetric(protocol, body_model, gt=gt)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            metric.process(None, samples[:2])
            metric.process(None, samples[2:4])
        return [str(warning.message) for warning in caught]

    found = warnings_of(None) + warnings_of(dict(type='SMPL', model_path='open'))
    assert len(found) == (0 if protocol == 'synthetic' else 2)
    assert all('measured on the open body, which is not SMPL' in words for words in found)
    assert not warnings_of(dict(type='SMPL', model_path=str(body_folder)))


def test_labels_without_gender_warn(samples, body_folder):
    metric = MeshMetric('3dpw', dict(type='SMPL', model_path=str(body_folder)))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        metric.process(None, samples[:4])
    with pytest.warns(UserWarning, match='some annotations have none: neutral is used'):
        metric.process(None, samples[4:])


def test_bad_genders(samples):
    samples[1]['gender'] = 'robot'
    with pytest.raises(ValueError, match=r'gender "robot" of sample 1 \(.*\) is unknown; expected male'):
        MeshMetric('3dpw').process(None, samples)
    del samples[1]['gender']
    with pytest.raises(KeyError, match=r'sample 1 .* has no gender in its metainfo'):
        MeshMetric('3dpw').process(None, samples)


def test_missing_gendered_body_is_named_before_the_test_starts(body_folder, tmp_path):
    (tmp_path / 'SMPL_NEUTRAL.npz').symlink_to(body_folder / 'SMPL_NEUTRAL.npz')
    (tmp_path / 'SMPL_MALE.npz').symlink_to(body_folder / 'SMPL_MALE.npz')
    model = dict(type='SMPL', model_path=str(tmp_path))
    assert MeshMetric('synthetic', model).prefix == 'synthetic'
    with pytest.raises(FileNotFoundError, match='SMPL_FEMALE.pkl'):
        MeshMetric('3dpw', model)


def test_missing_joints_of_the_data_set(samples):
    keypoints = samples[2]['gt_instances']['keypoints3d'][0]
    for name in ('head_extra', 'left_knee', 'headtop'):  # nobody asks for the top of the head
        keypoints[SMPL_54.index(name), 3] = 0
    with pytest.raises(ValueError, match='sample 2 .* has no 3D keypoint left_knee, head_extra'):
        MeshMetric('mpi_inf_3dhp').process(None, samples)


def test_data_set_without_smpl_labels(samples):
    """MPI-INF-3DHP's test set: what would need SMPL parameters is left out, not measured against zeros."""
    for sample in samples:
        for key in ('global_orient', 'body_pose', 'betas', 'pelvis', 'has_smpl', 'has_transl'):
            sample['gt_instances'][key] = torch.zeros_like(torch.as_tensor(sample['gt_instances'][key]))
    got = evaluate(MeshMetric('mpi_inf_3dhp'), samples)
    names = ('MPJPE', 'PA-MPJPE', 'PCK', 'AUC', 'PA-PCK', 'PA-AUC', 'camera_spread')
    assert set(got) == {f'mpi_inf_3dhp/{key}' for key in names}


def test_protocol_2_of_h36m_refuses_other_cameras(samples):
    samples[0]['img_path'] = 'S9_Posing_1.60457274_000001.jpg'
    samples[1]['img_path'] = 'S9_Posing_1.54138969_000001.jpg'
    MeshMetric('h36m_p1').process(None, samples)
    with pytest.raises(ValueError, match="camera 60457274 only, but sample 1 .* is from 54138969.*'skip'"):
        MeshMetric('h36m_p2').process(None, samples)
    with pytest.raises(ValueError, match='other_cameras must be "refuse" or "skip", not "keep"'):
        MeshMetric('h36m_p2', other_cameras='keep')


CAMERAS = ('54138969', '60457274', '55011271', '54138969', '60457274')


def test_both_protocols_of_h36m_in_one_pass(samples):
    """Protocol 2 counts its camera alone, and gives what it gives on those photos alone."""
    for sample, camera in zip(samples, CAMERAS, strict=True):
        sample['img_path'] = f'S9_Posing_1.{camera}_000001.jpg'
    first, second, alone = (
        MeshMetric('h36m_p1'),
        MeshMetric('h36m_p2', other_cameras='skip'),
        MeshMetric('h36m_p2'),
    )
    everybody, frontal = evaluate(first, samples, 2), evaluate(second, samples, 2)  # the last batch has one
    expected = evaluate(alone, [samples[1], samples[4]])
    assert frontal == pytest.approx(expected, rel=1e-5)
    assert list(frontal)[0] == 'h36m_p2/MPJPE'
    assert everybody['h36m_p1/MPJPE'] != pytest.approx(frontal['h36m_p2/MPJPE'], rel=1e-3)
    assert [row[:2] for row in second.tables['per_action'].rows] == [('Posing', 2), ('all', 2)]
    joints = dict(row[:2] for row in alone.tables['per_joint'].rows)
    assert dict(second.tables['per_joint'].rows) == pytest.approx(joints, rel=1e-4)


def test_repeated_samples_count_once_where_others_are_skipped(samples):
    """A sampler that fills the last batch repeats the first samples; the size of the data set tells."""
    for sample, camera in zip(samples, reversed(CAMERAS), strict=True):
        sample['img_path'] = f'S9_Posing_1.{camera}_000001.jpg'
    metric = MeshMetric('h36m_p2', other_cameras='skip')
    expected = evaluate(metric, samples)
    metric.process(None, [*samples, samples[0]])
    assert metric.evaluate(len(samples)) == pytest.approx(expected)


def test_a_photo_that_does_not_tell_its_camera_cannot_be_skipped_or_kept(samples):
    """HybrIK's names of the same photos, for which MMHuman3D has a file, have numbers for cameras."""
    for sample in samples:
        sample['img_path'] = 's_09_act_02_subact_01_ca_01/s_09_act_02_subact_01_ca_01_000001.jpg'
    assert evaluate(MeshMetric('h36m_p2'), samples)  # a file of this protocol's people alone
    with pytest.raises(ValueError, match='tests camera 60457274 only, and the name of .*s_09_act.* does not'):
        evaluate(MeshMetric('h36m_p2', other_cameras='skip'), samples)


def test_no_photo_of_the_camera(samples):
    for sample in samples:
        sample['img_path'] = 'S9_Posing_1.54138969_000001.jpg'
    metric = MeshMetric('h36m_p2', other_cameras='skip')
    with pytest.raises(ValueError, match='under protocol "h36m_p2": no image is from camera 60457274'):
        evaluate(metric, samples)


def test_choice_of_ground_truth():
    assert get_protocol('h36m_p1', 'smpl') == get_protocol('h36m_p1')
    assert MeshMetric('h36m_p2', gt='dataset').prefix == 'h36m_p2_dataset'
    with pytest.raises(ValueError, match='"3dpw" has no ground truth gt="dataset"; it leaves no choice'):
        MeshMetric('3dpw', gt='dataset')
    with pytest.raises(ValueError, match='"h36m_p1" has no ground truth gt="mosh"; it has dataset and smpl'):
        MeshMetric('h36m_p1', gt='mosh')
    with pytest.raises(ValueError, match='"own" has 2 joints but 1 names'):
        EvaluationProtocol('own', joints=(0, 1), joint_names=('pelvis',))
