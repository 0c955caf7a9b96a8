"""Groups of the people of a test set, for which a report compares the rows separately."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.evaluation import MeshResults
from mmroi.evaluation.groups import AnnotatedPeople, bin_groups, read_people, visibility_groups
from mmroi.registry import DATASETS

VISIBILITY = 'visibility'
_BINS = {
    'focal length': ('focal_length', (0.8, 1.25, 2), 'diagonals'),
    'distance': ('distance', (3, 6), 'm'),
    'offset': ('offset', (0.1, 0.2), 'diagonals'),
}
KINDS = (VISIBILITY, *_BINS)


def person_groups(config: Path, results: Path, kinds: Sequence[str]) -> dict[str, np.ndarray]:
    """Group the people of a test.

    Args:
        config: Its config. The test set must still be there.
        results: Its results.
        kinds: Of ``KINDS``.

    Returns:
        Masks (N,) by name, of the groups that anyone belongs to.
    """
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    people = read_people(MeshResults(results), DATASETS.build(cfg.test_dataloader.dataset))
    groups: dict[str, np.ndarray] = {}
    for kind in kinds:
        groups |= _groups_of(people, kind)
    return {name: mask for name, mask in groups.items() if mask.any()}


def _groups_of(people: AnnotatedPeople, kind: str) -> dict[str, np.ndarray]:
    if kind == VISIBILITY:
        return visibility_groups(people.in_image, people.hidden)
    name, edges, unit = _BINS[kind]
    bins = bin_groups(getattr(people, name), edges, unit)
    return {f'{kind} {label}': mask for label, mask in bins.items()}
