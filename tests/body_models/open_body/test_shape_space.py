import numpy as np
import pytest

from mmroi.body_models.open_body.shape_space import fit_shape_space


@pytest.fixture(scope='module')
def fitted() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    template = rng.normal(size=(60, 3)) * (0.2, 0.5, 0.1)
    scales = 1 + 0.05 * rng.normal(size=(200, 1, 1))
    spread = 0.02 * 0.8 ** np.arange(15)
    bodies = template * scales + np.einsum(
        'nk,k,kvc->nvc', rng.normal(size=(200, 15)), spread, rng.normal(size=(15, 60, 3))
    )
    return fit_shape_space(bodies - bodies.mean(1, keepdims=True))


def test_stature_has_half_of_the_variance(fitted: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    shapedirs, figures = fitted
    variance = (shapedirs**2).sum((0, 1))
    assert shapedirs.shape == (60, 3, 10)
    np.testing.assert_allclose(variance[0], variance[1:].sum())
    np.testing.assert_allclose(figures['rms'], np.sqrt(variance / 60))
    assert figures['height'][0] > 0.01


def test_other_directions_are_orthogonal_and_rescaled(
    fitted: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    shapedirs, figures = fitted
    columns = shapedirs[..., 1:].reshape(180, 9)
    gram = columns.T @ columns
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-10)
    np.testing.assert_allclose(figures['rms'][1:], np.sqrt(0.007 * figures['pca_rms']))
    assert (columns[np.abs(columns).argmax(0), np.arange(9)] > 0).all()
