"""Ten shape directions that all matter.

Left to itself, PCA gives stature (with the arm span that goes with it) most of the variance and leaves almost
nothing to the last directions. Here the betas are mixed and scaled on purpose:

* beta 0 is stature: the regression of the bodies on their height. Its root mean square displacement per unit
is set so that it
  holds half of the total variance, not more.
* betas 1 to 9 are the principal directions of what stature leaves over. Their root mean square displacement s
becomes
  sqrt(s * 7 mm), which brings weight down and lifts the small ones.

All displacements are relative to the body's centroid.
"""

import numpy as np

NUM_BETAS = 10
_REFERENCE = 0.007


def fit_shape_space(bodies: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Shape directions of a sample of bodies.

    Args:
        bodies: (N, V, 3) bodies in T-pose, centerd, meters.

    Returns:
        tuple: shapedirs (V, 3, 10), the displacement per unit of each beta; and figures: ``rms`` (10,) root
            mean square
        displacement per unit in meters, ``pca_rms`` (9,) the same before scaling, ``height`` (10,) change of
        stature.
    """
    count, num_vertices = bodies.shape[:2]
    offsets = (bodies - bodies.mean(0)).reshape(count, -1)
    height = np.ptp(bodies[..., 1], axis=1)
    score = (height - height.mean()) / height.std()
    stature = score @ offsets / count
    rest = offsets - np.outer(score, stature)
    _, singular, directions = np.linalg.svd(rest, full_matrices=False)
    directions = directions[: NUM_BETAS - 1]
    # The sign of a singular vector is arbitrary: let each direction's largest entry be positive.
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
