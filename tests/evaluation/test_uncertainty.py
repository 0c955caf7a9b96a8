import numpy as np
import pytest
import torch
from scipy import stats

from mmroi.evaluation import calibration_factors, interval_coverage, interval_radius, rank_correlation


@pytest.mark.parametrize('likelihood, radius', [('gaussian', 2.5003), ('laplace', 2.6612)])
def test_radius_of_the_90_percent_ball(likelihood, radius):
    assert interval_radius(0.9, likelihood) == pytest.approx(radius, abs=1e-3)


def draw(likelihood, std, generator):
    """Lengths of isotropic vectors with this deviation of each coordinate."""
    if likelihood == 'gaussian':
        return (std[..., None] * torch.randn(*std.shape, 3, generator=generator)).norm(dim=-1)
    # exp(-2 r / sigma) r^2 is a gamma distribution of shape 3: the sum of three exponential numbers
    return std / 2 * -torch.rand(*std.shape, 3, generator=generator).log().sum(-1)


@pytest.mark.parametrize('likelihood', ['gaussian', 'laplace'])
@pytest.mark.parametrize('level', [0.5, 0.9])
def test_intervals_hold_their_share_where_the_deviations_are_true(likelihood, level):
    std = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)) + 0.1
    errors = draw(likelihood, std, torch.Generator().manual_seed(1))
    coverage = interval_coverage(errors, std, level, likelihood)
    torch.testing.assert_close(coverage, torch.full((3,), 100 * level).double(), rtol=0, atol=1.5)
    assert calibration_factors(errors, std, level, likelihood).sub(1).abs().max() < 0.03


def test_coverage_by_hand():
    errors = torch.tensor([[0.1, 3.0], [0.2, 3.0], [5.0, 3.0], [0.1, 0.0]])
    std = torch.ones(4, 2)
    assert interval_coverage(errors, std, 0.9).tolist() == [75.0, 25.0]


def test_calibration_makes_the_intervals_hold():
    generator = torch.Generator().manual_seed(2)
    std = torch.rand(5000, 2, generator=generator) + 0.1
    errors = draw('laplace', std * torch.tensor([0.5, 3.0]), generator)
    factors = calibration_factors(errors, std)
    torch.testing.assert_close(factors, torch.tensor([0.5, 3.0]).double(), rtol=0.05, atol=0)
    torch.testing.assert_close(
        interval_coverage(errors, std * factors, 0.9), torch.tensor([90.0, 90.0]).double(), rtol=0, atol=0.1
    )


def test_rank_correlation_is_spearmans_within_each_joint():
    rng = np.random.default_rng(0)
    errors, std = rng.random((40, 3)), rng.random((40, 3)).round(1)  # with ties
    found = rank_correlation(torch.from_numpy(errors), torch.from_numpy(std))
    for j in range(3):
        assert found[j].item() == pytest.approx(stats.spearmanr(errors[:, j], std[:, j]).statistic)
    rising = torch.arange(5.0)[:, None]
    assert rank_correlation(rising**3, rising).item() == pytest.approx(1)
    assert rank_correlation(-rising, rising).item() == pytest.approx(-1)
    assert rank_correlation(rising, torch.ones(5, 1)).isnan().all()


@pytest.mark.parametrize('level, likelihood', [(0.9, 'cauchy'), (1.0, 'laplace'), (0.0, 'laplace')])
def test_bad_options_are_refused(level, likelihood):
    with pytest.raises(ValueError, match='must'):
        interval_radius(level, likelihood)
