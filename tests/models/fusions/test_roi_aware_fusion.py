import warnings

import pytest
import torch

from mmroi.geometry import encode_box, positional_encoding
from mmroi.models import RoIAwareFusion

D = 6
FOCAL = torch.tensor([500., 900.], dtype=torch.float64)


def case(num_rois=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    h = torch.randn(2, num_rois, D, generator=generator)
    centre = 100 * torch.randn(2, num_rois, 2, generator=generator, dtype=torch.float64)
    size = 200 + 100 * torch.rand(2, num_rois, 1, generator=generator, dtype=torch.float64)
    return h, torch.cat([centre, size], dim=-1), FOCAL


def gamma(p, num_freqs):
    return positional_encoding(p, num_freqs).float()


@pytest.mark.parametrize('num_freqs', [0, 4])
@pytest.mark.parametrize('scorer', ['set_mlp', 'linear'])
@pytest.mark.parametrize('relation', ['of_difference', 'difference_of', 'absolute', 'none'])
@pytest.mark.filterwarnings('ignore:RoIAwareFusion')
def test_equals_plain_loops(relation, scorer, num_freqs):
    fusion = RoIAwareFusion(D, 3, num_freqs, relation, scorer, hidden_channels=8)
    h, boxes, focal_length = case()
    u, u_bar, weights = fusion(h, boxes, focal_length)
    for i in range(2):
        p = encode_box(boxes[i], focal_length[i])
        for m in range(3):
            rows = []
            for n in range(3):
                beside = dict(
                    of_difference=gamma(p[m] - p[n], num_freqs), absolute=gamma(p[n], num_freqs),
                    difference_of=gamma(p[m], num_freqs) - gamma(p[n], num_freqs), none=h.new_zeros(0))
                rows.append(fusion.pair_fc(torch.cat([h[i, n], beside[relation]])))
            scores = torch.cat(rows) if scorer == 'linear' else fusion.set_mlp(torch.cat(rows))
            expected = scores.softmax(0)
            torch.testing.assert_close(weights[i, m], expected, rtol=1e-4, atol=1e-6)
            fused = sum(expected[n] * h[i, n] for n in range(3))
            torch.testing.assert_close(u[i, m], fused, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(u_bar, u.mean(1))


@pytest.mark.parametrize('relation, num_freqs', [
    ('difference_of', 32), ('of_difference', 0), ('absolute', 32), ('none', 0)])
def test_linear_scores_that_cannot_depend_on_m_collapse_and_warn(relation, num_freqs):
    with pytest.warns(UserWarning, match='same weights'):
        fusion = RoIAwareFusion(D, 3, num_freqs, relation, 'linear')
    u, _, weights = fusion(*case())
    torch.testing.assert_close(weights, weights[:, :1].expand_as(weights), rtol=0, atol=1e-5)
    torch.testing.assert_close(u, u[:, :1].expand_as(u), rtol=0, atol=1e-5)


def test_the_default_does_not_collapse():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fusion = RoIAwareFusion(D, 3)
    u, _, weights = fusion(*case())
    assert (weights[:, 0] - weights[:, 1]).abs().max() > 1e-3
    assert (u[:, 0] - u[:, 1]).abs().max() > 1e-3
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))


def test_autocast_changes_nothing():
    fusion = RoIAwareFusion(D, 3)
    with torch.autocast('cpu', torch.bfloat16):
        under = fusion(*case())
    for a, b in zip(under, fusion(*case()), strict=True):
        assert a.dtype == torch.float32 and torch.equal(a, b)


def test_gradients_reach_features_and_all_weights():
    fusion = RoIAwareFusion(D, 3)
    h, boxes, focal_length = case()
    fusion(h.requires_grad_(), boxes, focal_length)[0].square().sum().backward()
    assert h.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in fusion.parameters())


def test_the_linear_scorer_takes_any_number_of_rois():
    fusion = RoIAwareFusion(D, 3, scorer='linear')
    assert fusion(*case(num_rois=5))[2].shape == (2, 5, 5)


def test_wrong_number_of_rois():
    with pytest.raises(ValueError, match='built for num_rois=5, got 3 RoIs'):
        RoIAwareFusion(D, 5)(*case())


@pytest.mark.parametrize('wrong', [
    dict(num_freqs=-1), dict(num_rois=0), dict(relation='sum'), dict(scorer='mlp')])
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RoIAwareFusion(D, **wrong)
