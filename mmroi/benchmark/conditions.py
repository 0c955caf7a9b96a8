"""Change the test set of a config as a condition says."""

from copy import deepcopy

from mmengine.config import Config

from mmroi.benchmark.suites import Condition
from mmroi.engine.body_model import dicts_in

_BEFORE = 'GetPersonBox'


def under_condition(cfg: Config, condition: Condition | None) -> Config:
    """Return a config whose test set is changed.

    Args:
        cfg: A config.
        condition: The condition; None for the test set as it is.

    Raises:
        ValueError: The test pipeline has no ``GetPersonBox`` that the transforms could follow.
    """
    if condition is None:
        return cfg
    cfg = deepcopy(cfg)
    changed = False
    for part in dicts_in(cfg.test_dataloader.dataset):
        if 'ann_file' in part and condition.ann_file:
            part['ann_file'] = condition.ann_file
        pipeline = part.get('pipeline')
        if pipeline and any(step['type'] == _BEFORE for step in pipeline):
            place = [step['type'] for step in pipeline].index(_BEFORE) + 1
            steps = [dict(step) for step in condition.transforms]
            part['pipeline'] = [*pipeline[:place], *steps, *pipeline[place:]]
            changed = True
    if condition.transforms and not changed:
        raise ValueError(f'condition {condition.name}: the test pipeline has no {_BEFORE}')
    return cfg
