"""The cut body gives the full body's joints and gradients."""

import pytest
import torch

from mmroi.body_models import SMPL


@pytest.fixture(scope='module')
def body():
    return SMPL()


def _random(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(n, 3, generator=generator),
        0.5 * torch.randn(n, 23, 3, generator=generator),
        torch.randn(n, 10, generator=generator),
    )


def test_same_joints_as_the_full_body(body):
    arguments = _random(8)
    full, cut = body(*arguments), body.forward_joints(*arguments)
    torch.testing.assert_close(cut.joints, full.joints, atol=2e-6, rtol=0)
    torch.testing.assert_close(cut.joints_h36m, full.joints_h36m, atol=2e-6, rtol=0)


def test_same_gradients_as_the_full_body(body):
    weights = torch.randn(8, 54, 3, generator=torch.Generator().manual_seed(1))
    gradients = []
    for posed in (body, body.forward_joints):
        arguments = [x.requires_grad_() for x in _random(8)]
        (posed(*arguments).joints * weights).sum().backward()
        gradients.append([x.grad for x in arguments])
    for full, cut in zip(*gradients, strict=True):
        torch.testing.assert_close(cut, full, atol=1e-4, rtol=1e-4)


def test_nothing_enters_a_checkpoint(body):
    assert not body.state_dict()


def test_wrong_shape(body):
    with pytest.raises(ValueError, match='body_pose has shape'):
        body.forward_joints(torch.zeros(1, 3), torch.zeros(1, 21, 3), torch.zeros(1, 10))
