"""Confidence intervals of paired differences, over images of people and training seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences and its confidence interval.

    Attributes:
        mean: Mean over people and seeds.
        low: Lower end of the interval.
        high: Upper end of the interval.
        seeds: Number of seeds.
        people: Number of people.
    """

    mean: float
    low: float
    high: float
    seeds: int
    people: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    errors: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    images: np.ndarray | None = None,
    seed: int = 0,
) -> Difference:
    """Compare two methods, each trained with the same seeds and tested on the same people.

    Images and seeds are drawn with replacement, independently of each other, and the difference is averaged
    over all pairs of drawn seeds and people (percentile bootstrap, :func:`scipy.stats.bootstrap`). So the
    interval covers both another training and other images. People of one image have much in common, so an
    image is drawn with all its people. With one seed the interval covers other images only.

    Args:
        errors: For each of S seeds, the errors (N,) of the method; NaN where a person has none.
        reference: The same of the method to compare with.
        images: Name (N,) of the image of each person. By default everyone has an image of their own.
        seed: Of the drawing.

    Returns:
        ``errors`` minus ``reference``; people of a single image have no interval, it is infinite.

    Raises:
        ValueError: The methods differ in seeds or people, or nobody has an error in both.
    """
    if images is None:
        images = np.arange(errors[0].size if len(errors) else 0)
    if len(errors) != len(reference) or {array.shape for array in (*errors, *reference)} != {images.shape}:
        raise ValueError('paired differences need the same seeds and the same people for both methods')
    differences = np.stack(errors) - np.stack(reference)
    known = np.isfinite(differences).all(0)
    differences = differences[:, known]
    seeds, people = differences.shape
    if not people:
        raise ValueError('nobody has an error with both methods')
    mean = float(differences.mean())
    _, image_of_person, sizes = np.unique(images[known], return_inverse=True, return_counts=True)
    if len(sizes) == 1:
        return Difference(mean, -np.inf, np.inf, seeds, people)
    sums = np.stack([np.bincount(image_of_person, weights=row) for row in differences])

    def mean_of(drawn_images: np.ndarray, *drawn_seeds: np.ndarray) -> float:
        # Counts instead of copies: the sum over all drawn pairs is bilinear in them.
        times = np.bincount(drawn_images, minlength=len(sizes))
        weights = np.bincount(drawn_seeds[0], minlength=seeds) if drawn_seeds else np.ones(seeds)
        return float(weights @ sums @ times / (seeds * (sizes @ times)))

    samples = [np.arange(number) for number in (len(sizes), seeds) if number > 1]
    result = bootstrap(samples, mean_of, vectorized=False, **_options(seed))
    interval = result.confidence_interval
    return Difference(mean, float(interval.low), float(interval.high), seeds, people)


def _options(seed: int) -> dict[str, object]:
    return dict(
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method='percentile',
        rng=np.random.default_rng(seed),
    )
