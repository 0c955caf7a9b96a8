"""Confidence intervals of paired differences, over people and training seeds."""

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
    errors: Sequence[np.ndarray], reference: Sequence[np.ndarray], seed: int = 0
) -> Difference:
    """Compare two methods, each trained with the same seeds and tested on the same people.

    People and seeds are drawn with replacement, independently of each other, and the difference is averaged
    over all pairs of drawn seeds and people (percentile bootstrap, :func:`scipy.stats.bootstrap`). So the
    interval covers both another training and other people. With one seed it covers other people only.

    Args:
        errors: For each of S seeds, the errors (N,) of the method; NaN where a person has none.
        reference: The same of the method to compare with.
        seed: Of the drawing.

    Returns:
        ``errors`` minus ``reference``.

    Raises:
        ValueError: The methods differ in seeds or people, or nobody has an error in both.
    """
    if len(errors) != len(reference) or len({array.shape for array in (*errors, *reference)}) != 1:
        raise ValueError('paired differences need the same seeds and the same people for both methods')
    differences = np.stack(errors) - np.stack(reference)
    differences = differences[:, np.isfinite(differences).all(0)]
    seeds, people = differences.shape
    if not people:
        raise ValueError('nobody has an error with both methods')
    mean = float(differences.mean())
    if people == 1:
        return Difference(mean, -np.inf, np.inf, seeds, people)
    if seeds == 1:
        result = bootstrap(differences, np.mean, **_options(seed))
    else:

        def mean_of(rows: np.ndarray, columns: np.ndarray) -> float:
            # Counts instead of copies: the mean over all drawn pairs is bilinear in them.
            drawn = np.bincount(rows, minlength=seeds) @ differences
            return float(drawn @ np.bincount(columns, minlength=people)) / (seeds * people)

        result = bootstrap((np.arange(seeds), np.arange(people)), mean_of, vectorized=False, **_options(seed))
    interval = result.confidence_interval
    return Difference(mean, float(interval.low), float(interval.high), seeds, people)


def _options(seed: int) -> dict[str, object]:
    return dict(
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method='percentile',
        rng=np.random.default_rng(seed),
    )
