"""Change the test set of a config as a condition says."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmroi.apis.detected_boxes import replace_boxes
from mmroi.apis.inference.detectors import make_detector
from mmroi.benchmark.profiles import annotation_files
from mmroi.benchmark.suites import Condition
from mmroi.datasets import GetPersonBox
from mmroi.engine.body_model import dicts_in
from mmroi.engine.pipelines import is_step
from mmroi.fileio.human_data import HumanData
from mmroi.registry import DATASETS


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
        if 'ann_file' in part and condition.detector:
            part['ann_file'] = str(_detected_file(part['ann_file'], condition.detector))
        pipeline = part.get('pipeline') or []
        places = [i for i, step in enumerate(pipeline) if is_step(step, GetPersonBox)]
        if places:
            place = places[0] + 1
            steps = [dict(step) for step in condition.transforms]
            part['pipeline'] = [*pipeline[:place], *steps, *pipeline[place:]]
            changed = True
    if condition.transforms and not changed:
        raise ValueError(f'condition {condition.name}: the test pipeline has no GetPersonBox')
    return cfg


def detect_people(cfg: Config, condition: Condition) -> None:
    """Make the annotation files of a condition with detected boxes; those of the same people stay.

    Args:
        cfg: A config, not changed by the condition; its images and annotations exist.
        condition: A condition.

    Raises:
        BadInputError: The detector does not exist, or an image cannot be read.
    """
    files = annotation_files(cfg.test_dataloader.dataset)
    detector = condition.detector
    if detector is None or all(_is_detected(file, detector) for file in files):
        return
    built: Any = DATASETS.build(cfg.test_dataloader.dataset)
    for part in getattr(built, 'datasets', [built]):
        if _is_detected(part.ann_file, detector):
            continue
        out = _detected_file(part.ann_file, detector)
        print(f'{out}: finding the people of {part.ann_file}', flush=True)
        detected = replace_boxes(
            HumanData.fromfile(part.ann_file),
            part.data_prefix['img_path'],
            make_detector(detector),
            unmatched='keep',
            box_margin=part.box_margin,
        )
        detected.annotations.dump(out)
        print(f'{out}: {detected}', flush=True)


def _is_detected(ann_file: str | Path, detector: str) -> bool:
    """Whether there are detected boxes of the people of a file, which may have been made again.

    Other people may be in images of the same names.
    """
    detected = _detected_file(ann_file, detector)
    if not detected.is_file():
        return False
    before, now = (HumanData.fromfile(path) for path in (detected, ann_file))
    paths, paths_now = (np.asarray(people['image_path'], np.str_) for people in (before, now))
    keypoints = ('keypoints2d', 'keypoints3d')
    return np.array_equal(paths, paths_now) and all(
        np.array_equal(before.get(key, ()), now.get(key, ())) for key in keypoints
    )


def _detected_file(ann_file: str | Path, detector: str) -> Path:
    path = Path(ann_file)
    name = re.sub(r'[^\w.-]+', '-', detector).strip('-')  # the whole path: others may have the same name
    return path.with_name(f'{path.stem}_detected_{name}{path.suffix}')
