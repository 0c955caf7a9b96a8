import torch

from mmroi.models.numerics import smooth_floor, without_autocast


class Product(torch.nn.Module):
    @without_autocast
    def forward(self, a, b=None):
        return a @ b


def test_without_autocast_computes_and_returns_float32():
    a, b = torch.randn(4, 4), torch.randn(4, 4)
    with torch.autocast('cpu', torch.bfloat16):
        assert (a @ b).dtype == torch.bfloat16
        torch.testing.assert_close(Product()(a, b=b), (a.double() @ b.double()).float(), rtol=1e-5, atol=1e-5)
        assert Product()(a.bfloat16(), b=b.bfloat16()).dtype == torch.float32
        assert Product()(a.double(), b=b.double()).dtype == torch.float64
        assert (a @ b).dtype == torch.bfloat16


def test_smooth_floor_is_the_identity_above_the_knee():
    x = torch.tensor([0.2, 0.5, 3.0])
    torch.testing.assert_close(smooth_floor(x, 0.05, 0.2), x, rtol=0, atol=1e-7)


def test_smooth_floor_stays_above_the_minimum_with_a_gradient():
    x = torch.linspace(-1, 0.5, 400, dtype=torch.float64).requires_grad_()
    y = smooth_floor(x, 0.05, 0.2)
    y.sum().backward()
    assert (y > 0.05).all() and (y.diff() > 0).all() and (x.grad > 0).all()
    assert x.grad.diff().abs().max() < 0.03  # no kink: the slope never jumps


def test_smooth_floor_gradient():
    x = torch.tensor([-0.3, 0.1, 0.19, 0.21, 1.0], dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: smooth_floor(x, 0.05, 0.2), x)
