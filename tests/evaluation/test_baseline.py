import pytest
import torch

from mmroi.evaluation import MeanPoseBaseline
from mmroi.geometry import matrix_to_axis_angle, rot6d_to_matrix


def evaluate(body_model, samples):
    metric = MeanPoseBaseline(body_model=body_model)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_does_not_look_at_the_prediction(body_model, make_sample):
    samples = [make_sample(0)]
    expected = evaluate(body_model, samples)
    del samples[0]['pred_instances']
    assert evaluate(body_model, samples) == expected
    assert 'mean_pose/MPJPE' in expected and 'mean_pose/camera_spread' not in expected


def test_the_mean_person_has_no_error(body_model, make_sample):
    sample = make_sample(0)
    label = sample['gt_instances']
    pose = matrix_to_axis_angle(rot6d_to_matrix(body_model.mean_pose6d.reshape(1, 24, 6)))
    label['global_orient'], label['body_pose'], label['betas'] = (
        pose[:, 0],
        pose[:, 1:],
        body_model.mean_betas[None],
    )
    # Depth of a person whose 2 m box fills 0.9 of the crop (Eq. 8-12), at the center of the base box.
    b, s, (cx, cy, _) = 350.0, 0.9, sample['boxes'][0]
    translation = torch.tensor(
        [[2 * cx / (b * s), 2 * cy / (b * s), 2 * sample['focal_length'] / (b * s)]]
    ).float()
    label['pelvis'] = translation + body_model.rest_root(label['betas'])
    for name, value in evaluate(body_model, [sample]).items():
        assert value == pytest.approx(0, abs=0.05), name
