"""Results before and after a change, person by person."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.evaluation import DumpMeshResults, MeshMetric
from mmroi.evaluation.paired import compare_results
from mmroi.structures import COCO_17, SMPL_54, HMRDataSample, Predictions


def dump(path, turns, moved=0.0, names='abc'):
    """Three people in the rest pose, predicted with a bent left elbow, and aside by a number of meters."""
    body, samples = SMPL(), []
    translation = torch.tensor([[0.0, 0.0, 5.0]])
    for name, turn in zip(names, turns, strict=True):
        eye = torch.eye(3).repeat(1, 24, 1, 1)
        true = body(eye[:, :1], eye[:, 1:], torch.zeros(1, 10))
        bent = eye.clone()
        bent[0, 18] = torch.linalg.matrix_exp(torch.tensor([[0.0, -turn, 0], [turn, 0, 0], [0, 0, 0]]))
        found = translation + torch.tensor([[moved, 0, 0]])
        predicted = Predictions.from_body(
            bent,
            torch.zeros(1, 10),
            body(bent[:, :1], bent[:, 1:], torch.zeros(1, 10)),
            local_cameras=found[:, None],
            full_cameras=found[:, None],
            camera_translation=found,
        )
        sample = HMRDataSample(
            metainfo=dict(img_path=f'{name}.jpg', boxes=np.array([[0.0, 0, 307.2]]), focal_length=1000.0)
        )
        points = true.joints + translation
        joints = torch.cat((1000 * points[..., :2] / points[..., 2:], torch.zeros(1, 54, 1)), dim=-1)
        joints[:, [SMPL_54.index(joint) for joint in COCO_17], 2] = 1
        joints[:, SMPL_54.index('nose')] = 0  # outside of the image
        sample.gt_instances = InstanceData(
            global_orient=torch.zeros(1, 3),
            body_pose=torch.zeros(1, 23, 3),
            betas=torch.zeros(1, 10),
            pelvis=true.joints[:, 0] + translation,
            keypoints2d=joints,
            has_smpl=torch.ones(1),
            has_keypoints2d=torch.ones(1),
            has_transl=torch.ones(1),
        )
        sample.pred_instances = predicted.to_instances()
        samples.append(sample.to_dict())
    metric = DumpMeshResults(str(path))
    metric.process(None, samples)
    metric.evaluate(len(samples))
    return path


def test_means_changes_and_who_is_worse(tmp_path):
    before = dump(tmp_path / 'before.npz', (0.0, 1.0, 1.0), moved=0.1)
    after = dump(tmp_path / 'after.npz', (1.0, 0.5, 1.0))
    errors = compare_results(before, after, MeshMetric())
    assert errors.before['MPJPE'][0] < 0.01 < 10 < errors.after['MPJPE'][0]
    assert errors.after['MPJPE'][1] < errors.before['MPJPE'][1]
    assert errors.worse == pytest.approx(1 / 3)
    assert errors.before['camera_translation'] == pytest.approx(100, abs=0.1)
    # 0.1 m at about 5 m with 1000 pixels, of a person 256 pixels high
    assert errors.before['2D'][0] == pytest.approx(20, rel=0.05) and errors.after['2D'].max() < 10
    lines = errors.lines()
    assert lines[1].split()[0] == 'MPJPE' and '-100.0 %' in next(x for x in lines if 'camera' in x)
    assert lines[-1] == 'MPJPE of 33.3 % of 3 people is more than 5 mm worse'


def test_other_people_are_refused(tmp_path):
    before = dump(tmp_path / 'before.npz', (0.0, 1.0, 1.0))
    other = dump(tmp_path / 'other.npz', (0.0, 1.0, 1.0), names='abd')
    fewer = dump(tmp_path / 'fewer.npz', (0.0, 1.0), names='ab')
    for path in (other, fewer):
        with pytest.raises(ValueError, match=f'{path.name} has other people than .*before.npz'):
            compare_results(before, path, MeshMetric())
