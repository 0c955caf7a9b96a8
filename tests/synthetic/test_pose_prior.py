"""The prior of refinement: a function of the seed, and usual poses are usual."""

import numpy as np

from mmroi.synthetic.pose_prior import STYLES, fit_pose_prior


def test_it_depends_on_the_seed_alone_and_covers_the_poses():
    first, again, other = (fit_pose_prior(12, seed) for seed in (0, 0, 1))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert not np.array_equal(first['means'], other['means'])
    assert first['means'].shape == (len(STYLES), 69)
    assert np.linalg.eigvalsh(first['covariances']).min() >= 0.99 * np.radians(4) ** 2
    assert np.isclose(first['weights'].sum(), 1) and (first['lower'] <= first['upper']).all()
    knees, x = [9, 12], slice(None)  # rotation about x of both: bent backward only
    assert (first['means'][x][:, knees] >= 0).all() and (first['lower'][knees] >= -1e-6).all()
