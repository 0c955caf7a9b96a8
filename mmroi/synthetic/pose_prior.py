"""The distribution of the studio's poses as a small mixture of Gaussians, the prior of refinement."""

import numpy as np

from mmroi.synthetic.body import StudioBody, matrices_to_rotvecs
from mmroi.synthetic.poses import PoseSampler
from mmroi.synthetic.presets import get_preset
from mmroi.utils import track

STYLES = ('stand', 'walk', 'sit', 'sit_floor', 'reach', 'crouch', 'lie', 'active', 'casual')
_PRESET = 'natural'


def fit_pose_prior(num_samples: int, seed: int, slack: float = 4.0) -> dict[str, np.ndarray]:
    """Fit a Gaussian to the poses of each style.

    The studio turns some joints about one axis only and couples others. People do not, so all variances get
    a floor.

    Args:
        num_samples: Poses of each style.
        seed: Random seed.
        slack: Standard deviation that is added to each rotation vector, degrees.

    Returns:
        ``means`` (S, 69) and ``covariances`` (S, 69, 69) of the rotation vectors of the 23 body joints,
        radians; ``weights`` (S,), the shares of the styles in the preset ``natural``, at least 2 %;
        ``lower`` and ``upper`` (69,), limits of the vectors: all but 1 in 1000 poses lie inside.
    """
    body, preset = StudioBody(), get_preset(_PRESET)
    shares = np.array([max(preset['poses'].get(style, 0.0), 0.02) for style in STYLES])
    means, covariances, every = [], [], []
    for number, style in enumerate(track(STYLES, description='styles of poses')):
        rng = np.random.default_rng([seed, number])
        sampler = PoseSampler(body.rest_joints, body.parents, {style: 1.0}, 1.0)
        rotations = np.stack([sampler.sample(rng).rotations for _ in range(num_samples)])
        vectors = matrices_to_rotvecs(rotations)[:, 1:].reshape(num_samples, -1).astype(np.float64)
        means.append(vectors.mean(0))
        covariances.append(np.cov(vectors.T) + np.radians(slack) ** 2 * np.eye(vectors.shape[1]))
        every.append(vectors)
    lower, upper = np.quantile(np.concatenate(every), (0.0005, 0.9995), axis=0)
    arrays = dict(
        means=np.stack(means),
        covariances=np.stack(covariances),
        weights=shares / shares.sum(),
        lower=lower,
        upper=upper,
    )
    return {name: array.astype(np.float32) for name, array in arrays.items()}
