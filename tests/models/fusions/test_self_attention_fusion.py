import math

import pytest
import torch
import torch.nn.functional as F

from mmroi.geometry import encode_box, positional_encoding
from mmroi.models import SelfAttentionFusion

D = 6


def test_equals_torchs_attention(rois):
    """torch's functional form, which has its own code for heads, scaling and averaging."""
    fusion = SelfAttentionFusion(D, num_heads=2, num_freqs=4)
    for parameter in fusion.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    h, boxes, focal_length = rois()
    tokens = torch.cat([h, positional_encoding(encode_box(boxes, focal_length), 4).float()], dim=-1)
    width = (D + 27) // 2 * 2  # two heads of half a token, rounded down
    # It takes projected queries, keys and values with identities as projections.
    eye = torch.eye(width)
    mixed, weights = F.multi_head_attention_forward(
        *(x.transpose(0, 1) for x in (fusion.query(tokens), fusion.key(tokens), fusion.value(h))),
        width,
        2,
        in_proj_weight=None,
        in_proj_bias=torch.zeros(3 * width),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0,
        out_proj_weight=eye,
        out_proj_bias=None,
        use_separate_proj_weight=True,
        q_proj_weight=eye,
        k_proj_weight=eye,
        v_proj_weight=eye,
    )
    u = F.layer_norm(fusion.out(mixed), (D,), fusion.norm.weight, fusion.norm.bias)
    ours = fusion(h, boxes, focal_length)
    torch.testing.assert_close(ours[0], u.transpose(0, 1))
    torch.testing.assert_close(ours[1], u.mean(0))
    torch.testing.assert_close(ours[2], weights)


def test_the_heads_share_a_token():
    """4 heads of (d + γ) / 4, d = 2048 and γ = 195 numbers."""
    fusion = SelfAttentionFusion(2048)
    assert fusion.query.weight.shape == fusion.key.weight.shape == (4 * 560, 2243)
    assert fusion.value.weight.shape == (4 * 560, 2048) and fusion.out.weight.shape == (2048, 4 * 560)


def test_weights_are_a_distribution_for_any_number_of_rois(rois):
    fusion = SelfAttentionFusion(D, num_heads=2)
    assert fusion.num_rois is None
    for num_rois in (1, 3, 9):
        u, u_bar, weights = fusion(*rois(num_rois))
        assert u.shape == (2, num_rois, D) and u_bar.shape == (2, D)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, num_rois))


def test_order_of_the_rois_only_permutes(rois):
    fusion = SelfAttentionFusion(D, num_heads=2)
    h, boxes, focal_length = rois(4)
    order = [2, 0, 3, 1]
    u, u_bar, weights = fusion(h, boxes, focal_length)
    permuted = fusion(h[:, order], boxes[:, order], focal_length)
    for ours, expected in zip(permuted, (u[:, order], u_bar, weights[:, order][:, :, order]), strict=True):
        torch.testing.assert_close(ours, expected)


def test_boxes_move_the_weights_but_are_no_value(rois):
    fusion = SelfAttentionFusion(D, num_heads=2)
    h, boxes, focal_length = rois()
    same = h[:, :1].expand_as(h)  # equal features: whatever the weights, the mixture is the feature
    u, _, weights = fusion(same, boxes, focal_length)
    torch.testing.assert_close(u, fusion.norm(fusion.out(fusion.value(same))))
    assert (weights[:, 0] - weights[:, 1]).abs().max() > 1e-3


def test_gradients_reach_features_and_all_weights(rois):
    fusion = SelfAttentionFusion(D, num_heads=2)
    h, boxes, focal_length = rois()
    fusion(h.requires_grad_(), boxes, focal_length)[0].square().sum().backward()
    assert h.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in fusion.parameters())


def test_autocast_changes_nothing(rois):
    fusion = SelfAttentionFusion(D, num_heads=2)
    with torch.autocast('cpu', torch.bfloat16):
        under = fusion(*rois())
    for a, b in zip(under, fusion(*rois()), strict=True):
        assert a.dtype == torch.float32 and torch.equal(a, b)


def test_released_arithmetic_changes_the_waves(rois):
    exact, released = (
        SelfAttentionFusion(D, num_heads=2, encoding=dict(type=kind))
        for kind in ('BoxEncoding', 'Float32BoxEncoding')
    )
    released.load_state_dict(exact.state_dict(), strict=False)
    assert (exact(*rois())[2] - released(*rois())[2]).abs().max() > 1e-4


@pytest.mark.parametrize('wrong', [dict(num_heads=202), dict(num_heads=0), dict(num_heads=2, num_freqs=65)])
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        SelfAttentionFusion(D, **wrong)


def test_width_of_the_released_encoder_starts_near_unit_gain():
    """Xavier: values and output keep the variance of a feature that all RoIs share."""
    torch.manual_seed(0)
    fusion = SelfAttentionFusion(720)
    fusion.norm = torch.nn.Identity()
    h = torch.randn(4, 1, 720)
    u = fusion(h, torch.tensor([[[0.0, 0.0, 200.0]]]).expand(4, -1, -1).double(), torch.full((4,), 500.0))[0]
    assert math.isclose(u.std().item(), 1, rel_tol=0.1)
