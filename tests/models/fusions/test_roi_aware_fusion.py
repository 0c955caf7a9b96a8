import warnings

import pytest
import torch

from mmroi.geometry import encode_box, positional_encoding
from mmroi.models import LinearRoIAwareFusion, RoIAwareFusion

D = 6
FLOAT32 = dict(type='Float32BoxEncoding')


def gamma(p, num_freqs):
    return positional_encoding(p, num_freqs).float()


@pytest.mark.parametrize('num_freqs', [0, 4])
@pytest.mark.parametrize('kind', [RoIAwareFusion, LinearRoIAwareFusion])
@pytest.mark.parametrize('relation', ['of_difference', 'difference_of', 'absolute', 'none'])
@pytest.mark.filterwarnings('ignore:LinearRoIAwareFusion')
def test_equals_plain_loops(rois, relation, kind, num_freqs):
    fusion = kind(D, 3, num_freqs=num_freqs, relation=relation, hidden_channels=8)
    h, boxes, focal_length = rois()
    u, u_bar, weights = fusion(h, boxes, focal_length)
    for i in range(2):
        p = encode_box(boxes[i], focal_length[i])
        for m in range(3):
            rows = []
            for n in range(3):
                beside = dict(
                    of_difference=gamma(p[m] - p[n], num_freqs),
                    absolute=gamma(p[n], num_freqs),
                    difference_of=gamma(p[m], num_freqs) - gamma(p[n], num_freqs),
                    none=h.new_zeros(0),
                )
                rows.append(fusion.pair_fc(torch.cat([h[i, n], beside[relation]])))
            scores = torch.cat(rows) if kind is LinearRoIAwareFusion else fusion.set_mlp(torch.cat(rows))
            expected = scores.softmax(0)
            torch.testing.assert_close(weights[i, m], expected, rtol=1e-4, atol=1e-6)
            fused = sum(expected[n] * h[i, n] for n in range(3))
            torch.testing.assert_close(u[i, m], fused, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(u_bar, u.mean(1))


def test_the_default_does_not_collapse(rois):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fusion = RoIAwareFusion(D, 3)
    u, _, weights = fusion(*rois())
    assert (weights[:, 0] - weights[:, 1]).abs().max() > 1e-3
    assert (u[:, 0] - u[:, 1]).abs().max() > 1e-3
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))


def test_autocast_changes_nothing(rois):
    fusion = RoIAwareFusion(D, 3)
    with torch.autocast('cpu', torch.bfloat16):
        under = fusion(*rois())
    for a, b in zip(under, fusion(*rois()), strict=True):
        assert a.dtype == torch.float32 and torch.equal(a, b)


def test_gradients_reach_features_and_all_weights(rois):
    fusion = RoIAwareFusion(D, 3)
    h, boxes, focal_length = rois()
    fusion(h.requires_grad_(), boxes, focal_length)[0].square().sum().backward()
    assert h.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in fusion.parameters())


def test_wrong_number_of_rois(rois):
    with pytest.raises(ValueError, match='built for num_rois=5, got 3 RoIs; .*SelfAttentionFusion'):
        RoIAwareFusion(D, 5)(*rois())


@pytest.mark.parametrize('relation, num_freqs', [('of_difference', 64), ('difference_of', 64)])
def test_64_frequencies(rois, relation, num_freqs):
    fusion = RoIAwareFusion(D, 3, num_freqs, relation)
    assert fusion.pair_fc.in_features == D + 387
    assert all(torch.isfinite(x).all() for x in fusion(*rois()))


def test_released_arithmetic_is_that_of_float32_boxes(rois):
    """Encoded with torch.addcmul on the float32 difference of float32 boxes, as the released code does."""
    fusion = RoIAwareFusion(D, 3, encoding=FLOAT32)
    h, boxes, focal_length = rois()
    p = encode_box(boxes, focal_length).float()
    difference = (p[:, :, None] - p[:, None]).flatten(0, 2)
    angle = torch.addcmul(fusion.encoding.phases, difference[:, None].repeat(1, 64, 1), fusion.encoding.freqs)
    gamma = torch.cat([difference, angle.sin().flatten(1)], dim=-1).unflatten(0, (2, 3, 3))
    pairs = fusion.pair_fc(torch.cat([h[:, None].expand(-1, 3, -1, -1), gamma], dim=-1))
    expected = fusion.set_mlp(pairs.flatten(2)).softmax(-1)
    weights = fusion(h, boxes, focal_length)[2]
    torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-6)
    exact = RoIAwareFusion(D, 3)
    exact.load_state_dict({k: v for k, v in fusion.state_dict().items() if not k.startswith('encoding')})
    assert (exact(h, boxes, focal_length)[2] - weights).abs().max() > 1e-4


@pytest.mark.parametrize(
    'wrong',
    [dict(num_freqs=-1), dict(num_freqs=65), dict(num_rois=0), dict(relation='sum')],
)
@pytest.mark.parametrize('kind', [RoIAwareFusion, LinearRoIAwareFusion])
def test_bad_arguments(kind, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(D, **wrong)
