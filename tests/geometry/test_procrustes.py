import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from mmroi.geometry import axis_angle_to_matrix, fit_similarity, similarity_align

MIRROR = torch.tensor([-1.0, 1, 1]).double()


def points(*shape, seed=0):
    return torch.randn(*shape, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_recovers_a_known_similarity():
    source = points(6, 14)
    rotation, shift = axis_angle_to_matrix(points(6, seed=1)), points(6, seed=2)
    scale = torch.linspace(0.2, 3, 6, dtype=torch.float64)
    target = scale[:, None, None] * (source @ rotation.mT) + shift[:, None]
    fit = fit_similarity(source, target)
    torch.testing.assert_close(fit.scale, scale)
    torch.testing.assert_close(fit.rotation, rotation, rtol=0, atol=1e-12)
    torch.testing.assert_close(fit.translation, shift, rtol=0, atol=1e-12)
    torch.testing.assert_close(similarity_align(source, target), target, rtol=0, atol=1e-12)


def test_disparity_equals_scipys_where_no_reflection_is_better():
    for seed in range(10):
        source = points(14, seed=seed)
        rotation = axis_angle_to_matrix(points(seed=seed + 50))
        target = 2 * source @ rotation.mT + 0.3 * points(14, seed=seed + 100) + 1
        _, _, disparity = procrustes(target.numpy(), source.numpy())
        spread = (target - target.mean(0)).square().sum()
        residual = (similarity_align(source, target) - target).square().sum() / spread
        assert abs(residual.item() - disparity) < 1e-12
        centerd = (source - source.mean(0)).numpy(), (target - target.mean(0)).numpy()
        expected, _ = orthogonal_procrustes(*centerd)
        np.testing.assert_allclose(fit_similarity(source, target).rotation.numpy(), expected.T, atol=1e-10)


@pytest.mark.parametrize(
    'make_target',
    [
        lambda source, seed: source * MIRROR,
        lambda source, seed: source * MIRROR + 0.2 * points(14, seed=seed + 100),
        lambda source, seed: points(14, seed=seed + 100),
    ],
    ids=['mirror image', 'noisy mirror image', 'unrelated'],
)
def test_never_a_reflection_and_still_the_best_rotation(make_target):
    for seed in range(10):
        source = points(14, seed=seed)
        target = make_target(source, seed)
        fit = fit_similarity(source, target)
        torch.testing.assert_close(torch.linalg.det(fit.rotation), torch.tensor(1.0).double())
        centerd, goal = source - source.mean(0), target - target.mean(0)
        best = torch.from_numpy(Rotation.align_vectors(goal.numpy(), centerd.numpy())[0].as_matrix())
        torch.testing.assert_close(fit.rotation, best, rtol=0, atol=1e-8)
        turned = centerd @ best.mT
        torch.testing.assert_close(fit.scale, (turned * goal).sum() / centerd.square().sum())


def test_result_is_a_minimum():
    source, target = points(14), points(14, seed=1)
    scale, rotation, translation = fit_similarity(source, target)
    best = (similarity_align(source, target) - target).square().sum()
    for seed in range(20):
        nudge = axis_angle_to_matrix(1e-3 * points(seed=seed))
        other = scale * (1 + 1e-3 * (seed - 10)) * (source @ (nudge @ rotation).mT) + translation
        assert (other - target).square().sum() > best


def test_alignment_ignores_similarities_of_the_source():
    source, target = points(3, 14), points(3, 14, seed=1)
    moved = 7 * source @ axis_angle_to_matrix(points(3, seed=2)).mT - 4
    expected = similarity_align(source, target)
    torch.testing.assert_close(similarity_align(moved, target), expected, rtol=0, atol=1e-11)


def test_batch_equals_single_and_flat_sets_work():
    source, target = points(2, 3, 14), points(2, 3, 14, seed=1)
    source[0, 0, :, 2] = 0  # a plane
    source[1, 1] = source[1, 1, :1] + torch.arange(14)[:, None] * points(seed=3)  # a line
    aligned = similarity_align(source, target)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(aligned[i, j], similarity_align(source[i, j], target[i, j]))
    assert torch.isfinite(aligned).all()


def test_source_that_is_one_point_goes_to_the_mean():
    target = points(14)
    aligned = similarity_align(torch.ones(14, 3).double(), target)
    torch.testing.assert_close(aligned, target.mean(0).expand(14, 3))


def test_gradient():
    source, target = points(2, 6).requires_grad_(), points(2, 6, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(similarity_align, (source, target))


def test_autocast_and_half_input():
    source, target = points(4, 14).float(), points(4, 14, seed=1).float()
    plain = similarity_align(source, target)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(similarity_align(source, target), plain)
    assert similarity_align(source.bfloat16(), target).dtype == torch.float32


def test_bad_input():
    with pytest.raises(ValueError, match=r'differ in shape: \(14, 3\), \(17, 3\)'):
        similarity_align(points(14), points(17))
    with pytest.raises(ValueError, match='must be finite'):
        similarity_align(points(14) * float('nan'), points(14))
