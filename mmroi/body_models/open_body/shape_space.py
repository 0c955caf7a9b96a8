"""A shape space of ten directions that all matter.

Plain PCA gives most of the variance to stature (and the arm span that grows with it) and almost none to the
last directions. The betas are therefore rescaled:

* beta 0 is stature, the regression of the bodies on their height, scaled to half of the total variance.
* betas 1 to 9 are the principal directions of the residual. Their RMS displacement s becomes
  sqrt(s * 7 mm), which shrinks weight and enlarges the small directions.

All displacements are relative to the body's centroid.
"""

import numpy as np

NUM_BETAS = 10
_REFERENCE = 0.007  # meters


def fit_shape_space(bodies: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Fit shape directions to a sample of bodies.

    Args:
        bodies: (N, V, 3) bodies in T-pose, centered; meters.

    Returns:
        Shapedirs (V, 3, 10), the displacement per unit of each beta; and figures in meters: ``rms`` (10,),
        the RMS displacement per unit, ``pca_rms`` (9,), the same before scaling, and ``height`` (10,), the
        change of stature per unit.
    """
    count, num_vertices = bodies.shape[:2]
    offsets = (bodies - bodies.mean(0)).reshape(count, -1)
    height = np.ptp(bodies[..., 1], axis=1)
    score = (height - height.mean()) / height.std()
    stature = score @ offsets / count
    rest = offsets - np.outer(score, stature)
    _, singular, directions = np.linalg.svd(rest, full_matrices=False)
    directions = directions[: NUM_BETAS - 1]
    # The sign of a singular vector is arbitrary: make each direction's largest entry positive.
    largest = np.abs(directions).argmax(1)
    directions = directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]
    pca_rms = singular[: NUM_BETAS - 1] / np.sqrt(count * num_vertices)
    rms = np.sqrt(pca_rms * _REFERENCE)
    columns = np.vstack([stature / np.linalg.norm(stature) * np.linalg.norm(rms), directions * rms[:, None]])
    shapedirs = (columns * np.sqrt(num_vertices)).T.reshape(num_vertices, 3, NUM_BETAS)
    ends = [bodies.mean(0)[..., 1][:, None] + sign * shapedirs[:, 1] for sign in (0.5, -0.5)]
    figures = {
        'rms': np.sqrt((shapedirs**2).sum(1).mean(0)),
        'pca_rms': pca_rms,
        'height': np.ptp(ends[0], axis=0) - np.ptp(ends[1], axis=0),
    }
    return shapedirs, figures
