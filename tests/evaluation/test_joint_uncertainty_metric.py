import pytest
import torch

from mmroi.evaluation import JointUncertaintyMetric, MeshResults
from mmroi.evaluation.evaluation_bodies import EvaluationBodies
from mmroi.evaluation.joint_uncertainty_metric import joint_errors_and_std
from mmroi.evaluation.mesh_results import DumpMeshResults
from mmroi.evaluation.uncertainty_calibration import apply_calibration, measure_calibration
from mmroi.structures import SMPL_24


@pytest.fixture
def samples(make_sample, body_model):
    """Four people whose standard deviations are the lengths of their errors over 2.5 and 2.8."""
    made = [make_sample(seed) for seed in range(4)]
    for sample, divisor in zip(made, (2.5, 2.5, 2.5, 2.8), strict=True):
        sample['pred_instances']['joints_std'] = torch.ones(1, 24)
        errors, _ = joint_errors_and_std([sample], EvaluationBodies(body_model))
        sample['pred_instances']['joints_std'] = (errors / divisor).float()
    return made


def evaluate(samples, body_model, **options):
    metric = JointUncertaintyMetric(body_model=body_model, **options)
    metric.process(None, samples[:3])
    metric.process(None, samples[3:])
    return metric.evaluate(len(samples))


def test_by_hand(samples, body_model):
    """The 90 % ball of the Laplace density has 2.66 deviations: three of four people are inside."""
    found = evaluate(samples, body_model)
    assert found['uncertainty/coverage_90'] == pytest.approx(75)
    assert found['uncertainty/coverage_50'] == 0
    assert 0.6 < found['uncertainty/rank_correlation'] <= 1
    errors = torch.cat([joint_errors_and_std([s], EvaluationBodies(body_model))[0] for s in samples])
    rms = 1000 * (errors.square().mean() / 3).sqrt().item()
    assert found['uncertainty/rms'] == pytest.approx(rms, rel=1e-6)
    assert evaluate(samples, body_model, likelihood='gaussian')['uncertainty/coverage_90'] == pytest.approx(
        75
    )


def test_errors_are_those_of_mpjpe_at_the_same_root(make_sample, body_model):
    """A prediction shifted as a whole has the same errors, and the errors are distances from the truth."""
    sample = make_sample(0)
    sample['pred_instances']['joints_std'] = torch.ones(1, 24)
    bodies = EvaluationBodies(body_model)
    errors, _ = joint_errors_and_std([sample], bodies)
    for name in ('joints3d', 'joints_h36m'):
        sample['pred_instances'][name] = sample['pred_instances'][name] + torch.tensor([0.3, 0.1, 2.0])
    shifted, _ = joint_errors_and_std([sample], bodies)
    torch.testing.assert_close(shifted, errors, rtol=0, atol=1e-6)
    truth = bodies([sample], *(sample['gt_instances'][k] for k in ('global_orient', 'body_pose', 'betas')))
    wrist = SMPL_24.index('left_wrist')
    pred = sample['pred_instances']['joints3d'][0, wrist] - sample['pred_instances']['joints_h36m'][0, 0]
    by_hand = (pred - truth.joints[0, wrist] + truth.joints_h36m[0, 0]).norm()
    assert errors[0, wrist].item() == pytest.approx(by_hand.item(), abs=1e-6)


def test_each_joint_is_reported_on_request(samples, body_model):
    found = evaluate(samples, body_model, per_joint=True)
    assert found['uncertainty/coverage_90_left_wrist'] == 75
    each = [found[f'uncertainty/rank_correlation_{joint}'] for joint in SMPL_24]
    assert sum(each) / 24 == pytest.approx(found['uncertainty/rank_correlation'])


def test_unlabeled_people_do_not_count(samples, body_model):
    whole = evaluate(samples[:3], body_model)
    samples[3]['gt_instances']['has_smpl'] = torch.zeros(1)
    assert evaluate(samples, body_model) == whole
    metric = JointUncertaintyMetric(body_model=body_model)
    metric.process(None, samples[3:])
    with pytest.raises(ValueError, match='no sample has SMPL annotations'):
        metric.evaluate(1)


def test_predictions_without_deviations_are_refused_with_the_remedy(make_sample, body_model):
    with pytest.raises(KeyError, match='no joints_std: the model needs an uncertainty_head'):
        JointUncertaintyMetric(body_model=body_model).process(None, [make_sample(0)])


def test_calibration_from_saved_results(make_sample, body_model, tmp_path):
    """Deviations of everyone are ten times too small: the factors are about ten, and the intervals hold."""
    made = [make_sample(seed) for seed in range(60)]
    bodies = EvaluationBodies(body_model)
    for sample in made:
        sample['pred_instances']['joints_std'] = torch.ones(1, 24)
    scale = joint_errors_and_std(made, bodies)[0].mean(0, keepdim=True).float() / 1.5
    for sample in made:
        sample['pred_instances']['joints_std'] = scale / 10
    path = tmp_path / 'results.npz'
    dump = DumpMeshResults(str(path))
    dump.process(None, made)
    dump.evaluate(60)
    found = measure_calibration([path], bodies)
    assert found.people == 60 and found.before < 50
    assert 7 < found.factors.median() < 14
    weights = {'uncertainty_head.scale': torch.full((24,), 2.0), 'head.weight': torch.ones(2)}
    applied = apply_calibration(weights, found.factors)
    torch.testing.assert_close(applied['uncertainty_head.scale'], 2 * found.factors.float())
    assert applied['head.weight'] is weights['head.weight']
    for sample in made:
        sample['pred_instances']['joints_std'] = scale / 10 * found.factors.float()
    metric = JointUncertaintyMetric(body_model=body_model)
    assert MeshResults(path).arrays['pred_instances.joints_std'].shape == (60, 24)
    metric.process(None, made)
    assert metric.evaluate(60)['uncertainty/coverage_90'] == pytest.approx(90, abs=1.5)


def test_results_that_cannot_calibrate_are_refused(make_sample, body_model, tmp_path):
    path = tmp_path / 'few.npz'
    for std, message in ((None, 'no joints_std'), (torch.ones(1, 24), '1 people are too few')):
        sample = make_sample(0)
        if std is not None:
            sample['pred_instances']['joints_std'] = std
        dump = DumpMeshResults(str(path))
        dump.process(None, [sample])
        dump.evaluate(1)
        with pytest.raises(ValueError, match=message):
            measure_calibration([path], EvaluationBodies(body_model))
    with pytest.raises(ValueError, match='trained without uncertainty_head'):
        apply_calibration({'head.weight': torch.ones(1)}, torch.ones(24))
