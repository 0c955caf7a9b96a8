"""Calibration at the command line: from saved results and a checkpoint to another checkpoint."""

import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.evaluation import calibration_factors
from mmroi.evaluation.evaluation_bodies import EvaluationBodies
from mmroi.evaluation.joint_uncertainty_metric import joint_errors_and_std
from mmroi.evaluation.mesh_results import MeshResults

TOOL = 'model_converters/calibrate_uncertainty.py'
PEOPLE = 60


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """People whose poses and shapes are a little wrong, and deviations of 1 cm for all."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape, scale):
        return scale * torch.randn(PEOPLE, *shape, generator=generator)

    label = dict(
        global_orient=normal(3, scale=1.0), body_pose=normal(23, 3, scale=0.2), betas=normal(10, scale=1.0)
    )
    rotations = torch.linalg.qr(torch.eye(3) + normal(24, 3, 3, scale=0.1))[0]
    with torch.no_grad():
        body = SMPL()(rotations[:, :1], rotations[:, 1:], label['betas'])
    pred = dict(
        global_orient=rotations[:, 0],
        body_pose=rotations[:, 1:],
        betas=label['betas'],
        joints3d=body.joints,
        joints_h36m=body.joints_h36m,
        local_cameras=torch.ones(PEOPLE, 1, 3),
        full_cameras=torch.ones(PEOPLE, 1, 3),
        camera_translation=torch.ones(PEOPLE, 3),
        joints_std=torch.full((PEOPLE, 24), 0.01),
    )
    arrays = {f'pred_instances.{name}': value.numpy() for name, value in pred.items()}
    arrays |= {f'gt_instances.{name}': value.numpy() for name, value in label.items()}
    path = tmp_path_factory.mktemp('results') / 'results.npz'
    np.savez(path, **arrays)
    return path


def test_factors_go_into_the_checkpoint(results, run_tool, tmp_path):
    state = {'uncertainty_head.scale': torch.full((24,), 2.0), 'head.w': torch.arange(3.0)}
    torch.save(dict(meta=dict(epoch=2), state_dict=state), tmp_path / 'in.pth')
    done = run_tool(TOOL, tmp_path / 'in.pth', tmp_path / 'out.pth', results)
    assert f'{PEOPLE} people: intervals of 90 % held' in done.stdout and 'left_wrist' in done.stdout
    written = torch.load(tmp_path / 'out.pth', weights_only=True)
    bodies = EvaluationBodies()
    (batch,) = MeshResults(results).batches(bodies.neutral)
    factors = calibration_factors(*joint_errors_and_std(batch, bodies))
    torch.testing.assert_close(written['state_dict']['uncertainty_head.scale'], 2 * factors.float())
    assert torch.equal(written['state_dict']['head.w'], state['head.w']) and written['meta']['epoch'] == 2


def test_bad_input(results, run_tool, tmp_path):
    def fails(*arguments):
        done = run_tool(TOOL, *arguments, check=False)
        assert done.returncode
        return done.stderr.strip().splitlines()[-1]

    torch.save(dict(state_dict={'head.w': torch.ones(1)}), tmp_path / 'in.pth')
    assert 'trained without uncertainty_head' in fails(tmp_path / 'in.pth', tmp_path / 'o.pth', results)
    level = fails(tmp_path / 'in.pth', tmp_path / 'o.pth', results, '--level', 90)
    assert level == 'error: level must lie between 0 and 1, got 90.0'
    assert fails('gone.pth', 'o.pth', results) == 'error: checkpoint gone.pth does not exist'
