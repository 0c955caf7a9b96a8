import numpy as np
import pytest

from mmroi.synthetic.fabric import (
    Fabric,
    cloth_color,
    hair_color,
    sample_fabric,
    skin_color,
    smooth_noise,
    smoothstep,
    to_linear,
    trouser_color,
)

BLACK_WHITE = np.array([[0.0, 0, 0], [1, 1, 1]])


def evaluate(fabric, along, footprint=0.0):
    rest = np.zeros((len(along), 3), np.float32)
    rest[:, 0] = along
    return fabric(rest, along.astype(np.float32), np.full(len(along), footprint, np.float32))[:, 0]


@pytest.mark.parametrize('draw', [cloth_color, trouser_color, skin_color, hair_color])
def test_colors_are_linear_rgb(draw):
    colors = np.array([draw(np.random.default_rng(i)) for i in range(200)])
    assert colors.shape == (200, 3) and colors.min() >= 0 and colors.max() <= 1
    assert colors.std() > 0.01


def test_linear_light():
    np.testing.assert_allclose(to_linear(np.array([-5, 0, 255, 300])), [0, 0, 1, 1])


def test_smoothstep_is_monotonic_between_its_ends():
    values = smoothstep(np.linspace(-1, 1, 101))
    assert values[0] == 0 and values[-1] == 1 and values[50] == 0.5 and (np.diff(values) >= 0).all()


def test_noise_has_unit_deviation_and_is_smooth():
    points = np.random.default_rng(0).uniform(-5, 5, (20000, 3)).astype(np.float32)
    noise = smooth_noise(np.random.default_rng(1), points, 0.5)
    near = smooth_noise(np.random.default_rng(1), points + np.float32(1e-3), 0.5)
    assert abs(noise.std() - 1) < 0.1 and abs(noise.mean()) < 0.1
    assert np.abs(near - noise).max() < 0.2


def test_stripes_have_their_period_and_share():
    along = np.linspace(0, 1, 10001)[:-1]
    colors = evaluate(Fabric('stripes', BLACK_WHITE, period=0.1, duty=0.3), along)
    np.testing.assert_allclose(colors[:9000], colors[1000:], atol=1e-2)
    assert colors.mean() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize('kind', ['stripes', 'pinstripes', 'check'])
def test_patterns_fade_to_their_mean_under_large_pixels(kind):
    along = np.linspace(0, 1, 1000)
    colors = evaluate(Fabric(kind, BLACK_WHITE, period=0.1, duty=0.3), along, footprint=0.06)
    np.testing.assert_allclose(colors, 0.3, atol=1e-6)


def test_plain_and_block():
    along = np.linspace(0, 1, 101)
    assert (evaluate(Fabric('plain', BLACK_WHITE), along) == 0).all()
    block = evaluate(Fabric('block', BLACK_WHITE, period=0.5), along)
    assert (block[:49] == 0).all() and (block[52:] == 1).all()


def test_mottle_repeats_with_its_seed():
    along = np.linspace(0, 1, 101)
    colors = [evaluate(Fabric('mottle', BLACK_WHITE, seed=seed), along) for seed in (1, 1, 2)]
    assert np.array_equal(colors[0], colors[1]) and not np.array_equal(colors[0], colors[2])


def test_probability_of_a_pattern():
    rng = np.random.default_rng(0)
    assert all(sample_fabric(rng, *BLACK_WHITE, 0.0).kind == 'plain' for _ in range(20))
    kinds = {sample_fabric(rng, *BLACK_WHITE, 1.0).kind for _ in range(100)}
    assert kinds == {'stripes', 'pinstripes', 'check', 'mottle', 'block'}
