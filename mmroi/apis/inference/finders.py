"""People of a run who need no detector: boxes or keypoints of the user, or the whole image."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmroi.apis.inference.detectors import PeopleFinder
from mmroi.apis.inference.frames import BadInputError
from mmroi.apis.inference.given_keypoints import GivenKeypoints
from mmroi.apis.inference.given_people import GivenPeople
from mmroi.apis.inference.mmpose_people import MMPosePeople
from mmroi.apis.inference.people import WholeImage


def find_given(
    bboxes: Any = None,
    whole_image: bool = False,
    keypoints: str | Path | PeopleFinder | None = None,
    score_thr: float | None = None,
    names: Sequence[Sequence[str]] = (),
    aspect: float = 0.75,
) -> PeopleFinder | None:
    """Return what gives the people of each frame; notes of the user's files are printed.

    Args:
        bboxes: As for ``MultiRoIInferencer.stream``.
        whole_image: One person fills the image.
        keypoints: As for ``MultiRoIInferencer.stream``.
        score_thr: Lowest score of a box; None for all.
        names: Names of the frames or videos of each input, for boxes of each.
        aspect: Width / height of the crops.

    Returns:
        The finder; None if a detector is to find the people.

    Raises:
        BadInputError: Boxes or keypoints cannot be used, or have no scores for ``score_thr``.
        ValueError: More than one of the first three is given.
    """
    if (bboxes is not None) + whole_image + (keypoints is not None) > 1:
        raise ValueError('bboxes, whole_image and keypoints are mutually exclusive')
    if callable(keypoints):
        return keypoints
    if keypoints is not None and Path(keypoints).is_dir():
        return MMPosePeople(keypoints, score_thr)
    if whole_image:
        return WholeImage(aspect)
    if bboxes is None and keypoints is None:
        return None
    given: GivenPeople
    if keypoints is not None:
        given = GivenKeypoints(keypoints)
    else:
        given = GivenPeople(_by_name(bboxes, names), score_thr)
    for note in given.notes:
        print_log(note, 'current', logging.WARNING)
    return given


def _by_name(bboxes: Any, names: Sequence[Sequence[str]]) -> Any:
    """Turn a list of the boxes of each input into boxes by name; return anything else as it is."""
    if not isinstance(bboxes, list | tuple | np.ndarray) or not any(map(_is_table, bboxes)):
        return bboxes
    if len(bboxes) != len(names):
        raise BadInputError(
            f'bboxes: {len(bboxes)} lists of boxes for {len(names)} inputs; give one list for each input, or '
            'rows of x1, y1, x2, y2 for every input'
        )
    named = {}
    for number, (boxes, some) in enumerate(zip(bboxes, names, strict=True)):
        if len(some) != 1:
            raise BadInputError(
                f'bboxes: input {number} has {len(some)} images; give a list of images, or boxes by file name'
            )
        named[some[0]] = boxes
    return named


def _is_table(boxes: Any) -> bool:
    """Whether this is a list of boxes rather than a box."""
    return isinstance(boxes, list | tuple | np.ndarray) and any(
        isinstance(row, list | tuple | np.ndarray) for row in boxes
    )
