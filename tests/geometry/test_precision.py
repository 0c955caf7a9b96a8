import pytest
import torch

from mmroi.geometry.precision import align_leading, full_precision, without_autocast


@pytest.mark.parametrize(
    'given, computed',
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.int64, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_the_first_argument_decides_the_dtype_and_half_becomes_float32(given, computed):
    results = full_precision(torch.ones(2, dtype=given), torch.ones(3, dtype=torch.float64), 1000.0)
    assert [x.dtype for x in results] == [computed] * 3
    assert results[2].shape == () and results[2] == 1000


def test_tensors_of_the_right_dtype_are_not_copied():
    x = torch.ones(2, dtype=torch.float64)
    assert full_precision(x)[0] is x


def test_per_person_values_follow_the_leading_dimension():
    focal = torch.tensor([1.0, 2.0, 3.0])
    assert align_leading(focal, 3).shape == (3, 1, 1)
    # Three people with three RoIs each: plain broadcasting would scale the columns.
    scaled = align_leading(focal, 2) * torch.ones(3, 3)
    assert torch.equal(scaled[:, 0], focal) and torch.equal(scaled[:, 2], focal)
    assert align_leading(torch.tensor(5.0), 2).shape == (1, 1)


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


def test_without_autocast_takes_functions_too():
    a = torch.randn(4, 4)
    with torch.autocast('cpu', torch.bfloat16):
        assert without_autocast(torch.matmul)(a, a).dtype == torch.float32
