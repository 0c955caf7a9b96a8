import numpy as np
import pytest

from mmroi.body_models.open_body.regressors import fit_landmark_regressors, fit_rows
from mmroi.structures import flip_indices

FLIP = np.array([-1.0, 1.0, 1.0])


def test_rows_recover_averages_of_vertices() -> None:
    rng = np.random.default_rng(0)
    left = np.abs(rng.normal(size=(15, 3)))
    template = np.concatenate([left, left * FLIP])
    mirror = np.concatenate([np.arange(15, 30), np.arange(15)])
    # Row 1 is the mirror image of row 0, the other seven are symmetric.
    rows = rng.uniform(size=(9, 30))
    rows[1], rows[2:] = rows[0][mirror], rows[2:] + rows[2:][:, mirror]
    rows /= rows.sum(1, keepdims=True)
    bodies = template + 0.3 * rng.normal(size=(40, 30, 3))
    fitted = fit_rows(bodies, rows @ bodies, template, rows @ template, mirror, candidates=30)
    np.testing.assert_allclose(fitted, rows, atol=1e-6)


def test_rows_are_averages_of_the_nearest_vertices_where_no_exact_fit_exists() -> None:
    rng = np.random.default_rng(1)
    left = np.abs(rng.normal(size=(15, 3)))
    template = np.concatenate([left, left * FLIP])
    mirror = np.concatenate([np.arange(15, 30), np.arange(15)])
    bodies, targets = template + rng.normal(size=(10, 30, 3)), rng.normal(size=(10, 9, 3))
    centers = template[:9] * (0, 1, 1)
    fitted = fit_rows(bodies, targets, template, centers, mirror, candidates=5)
    assert fitted.min() >= 0 and ((fitted > 0).sum(1) <= 10).all()
    np.testing.assert_allclose(fitted.sum(1), 1)


@pytest.mark.parametrize('name, convention', [('J_regressor_h36m', 'h36m'), ('J_regressor_extra', None)])
def test_landmark_regressors_are_symmetric_and_close_to_the_shipped_ones(
    arrays: dict[str, np.ndarray],
    mirror: np.ndarray,
    landmark_rows: dict[str, np.ndarray],
    name: str,
    convention: str | None,
) -> None:
    rows = landmark_rows[name]
    flip = flip_indices(convention) if convention else (1, 0, *range(2, 9))
    np.testing.assert_allclose(rows[list(flip)][:, mirror], rows, atol=1e-12)
    np.testing.assert_allclose(rows.sum(1), 1)
    shipped = arrays[name] @ arrays['v_template']
    assert np.abs(rows @ arrays['v_template'] - shipped).max() < 0.02


@pytest.fixture(scope='module')
def landmark_rows(arrays: dict[str, np.ndarray], mirror: np.ndarray) -> dict[str, np.ndarray]:
    lines: list[str] = []
    body = dict(arrays, posedirs=arrays['posedirs'].astype(np.float64))
    rows = fit_landmark_regressors(body, mirror, np.random.default_rng(0), lines.append, count=6)
    assert [line.split(':')[0] for line in lines] == list(rows)
    return rows
