"""Boxes of people that the user gives: for every frame, for each input, or by name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch

from mmroi.apis.inference.box_files import box_fault, read_boxes
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.people import People
from mmroi.compat.mmcv_ext import nms

IOU_THRESHOLD = 0.6  # of boxes with scores: one that overlaps a better one by more is of the same person
WEAK = 0.3  # usual lowest score of a person
_MAX_SIZE = 4  # of a box, relative to the side of the image; a larger one was made for another image


class GivenPeople:
    """Boxes given by the user.

    Boxes that lie partly outside the frame are kept; boxes entirely outside, or far larger than the frame,
    are dropped and reported.

    Args:
        bboxes: (P, 4) corners x1, y1, x2, y2 in pixels, or (P, 5) with scores, used for every frame; a dict
            of such arrays by name; or a file, see :func:`.box_files.read_boxes`. Names are names of frames,
            videos or files, the latter with or without folders and suffix. Of boxes with scores that overlap
            by more than ``IOU_THRESHOLD`` the best is kept.
        score_thr: Lowest score of a box; None keeps all.

    Attributes:
        notes: What was left out as a whole, one sentence each.

    Raises:
        BadInputError: If a box is malformed, the file cannot be read, most of its boxes are malformed, or
            ``score_thr`` is given for a file without scores.
    """

    def __init__(self, bboxes: Any, score_thr: float | None = None) -> None:
        self._where, self.notes = 'bboxes', list[str]()
        self._faults: dict[str, list[str]] = {}
        self._boxes: np.ndarray | dict[str, np.ndarray]
        if isinstance(bboxes, (str, Path)):
            file = read_boxes(bboxes)
            self._where, self._faults = file.where, dict(file.faults)
            self.notes = [f'{file.where}: {note}' for note in file.notes]
            if score_thr is not None and not file.scored:
                raise BadInputError(
                    f'boxes {file.where} have no scores, so a lowest one (det_score_thr, --det-score) has no '
                    'effect; leave it out, or add scores'
                )
            self._boxes = {name: file.boxes(name) for name in [*file.rows]} if file.named else file.boxes()
        else:
            self._boxes = as_boxes(bboxes)
        self._select(score_thr)
        # Files may have moved since: a name without folders is enough if it is unique.
        self._bare: dict[str, str | None] = {}
        for key in self._boxes if isinstance(self._boxes, dict) else ():
            for bare in {PurePath(key).name, PurePath(key).stem}:
                self._bare[bare] = None if bare in self._bare else key

    def _select(self, score_thr: float | None) -> None:
        """Leave out the boxes of low scores and those of the same person, and note how many."""
        named = self._boxes if isinstance(self._boxes, dict) else {'': self._boxes}
        scores = np.concatenate([boxes[:, 4] for boxes in named.values()] or [np.ones(0)])
        kept = {name: boxes[select_boxes(boxes, score_thr)] for name, boxes in named.items()}
        low = 0 if score_thr is None else int((scores < score_thr).sum())
        if low:
            self.notes.append(
                f'{self._where}: left out {low} of {len(scores)} boxes with scores below {score_thr:g}'
            )
        if doubles := len(scores) - low - sum(map(len, kept.values())):
            self.notes.append(
                f'{self._where}: left out {doubles} of {len(scores)} boxes that overlap a better one of '
                f'their image (IoU above {IOU_THRESHOLD:g})'
            )
        if score_thr is None and (weak := int((scores < WEAK).sum())):
            self.notes.append(
                f'{self._where}: {weak} of {len(scores)} boxes have scores below {WEAK:g} and are used; '
                f'--det-score {WEAK:g} (det_score_thr) leaves them out'
            )
        self._boxes = kept if isinstance(self._boxes, dict) else kept['']

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Look up the boxes of the frames.

        Args:
            frames: The frames.

        Returns:
            One item per frame.
        """
        return [self._look_up(frame) for frame in frames]

    def _look_up(self, frame: Frame) -> People:
        if not isinstance(self._boxes, dict):
            return inside(self._boxes, frame)
        key = self.find_key(frame)
        if key is None:
            return self.missing(frame)
        people = inside(self._boxes[key], frame)
        faults = (  # once, not for every frame of a video
            BadInput(frame.source, f'has a box that cannot be used: {fault}')
            for fault in self._faults.pop(key, ())
        )
        return replace(people, problems=(*people.problems, *faults))

    def find_key(self, frame: Frame) -> str | None:
        """Return the name under which the boxes of a frame are given; None if there is none."""
        assert isinstance(self._boxes, dict)
        return next((key for key in self._keys(frame) if key in self._boxes), None)

    def missing(self, frame: Frame) -> People:
        """Return nobody, and the problem that the frame has no entry."""
        return People.nobody(
            BadInput(frame.source, f'has no entry in {self._where}; add one or remove the image')
        )

    def _keys(self, frame: Frame) -> Iterator[str]:
        yield frame.name
        path = PurePath(frame.source)
        for parts in range(len(path.parts)):  # the longest first
            yield str(PurePath(*path.parts[parts:]))
        if frame.video is not None:
            yield frame.video
        for bare in (path.name, path.stem, str(int(path.stem)) if path.stem.isdecimal() else path.stem):
            yield self._bare.get(bare) or bare


def select_boxes(boxes: np.ndarray, score_thr: float | None = None) -> np.ndarray:
    """Choose among the boxes of a frame: those of enough score, and of several of one person the best.

    Args:
        boxes: (P, 5) x1, y1, x2, y2 in pixels, and the score. If all scores are 1, none was given, and boxes
            may overlap.
        score_thr: Lowest score.

    Returns:
        Indices of the boxes to keep, in their order.
    """
    kept = np.arange(len(boxes)) if score_thr is None else np.flatnonzero(boxes[:, 4] >= score_thr)
    if (boxes[:, 4] == 1).all():
        return kept
    best = nms(torch.from_numpy(boxes[kept, :4]), torch.from_numpy(boxes[kept, 4]), IOU_THRESHOLD)
    return np.sort(kept[best.numpy()])


def inside(boxes: np.ndarray, frame: Frame, keypoints: np.ndarray | None = None) -> People:
    """Leave out the boxes that cannot be of a frame, and say so.

    Args:
        boxes: (P, 5) x1, y1, x2, y2 in pixels, and the score.
        frame: The frame.
        keypoints: (P, 54, 3) of the same people, if they are given.

    Returns:
        The people whose boxes are neither entirely outside the frame nor far larger than it.
    """
    size = np.array(frame.image.shape[1::-1])
    outside = np.any((boxes[:, :2] >= size) | (boxes[:, 2:4] <= 0), axis=1)
    huge = np.any(boxes[:, 2:4] - boxes[:, :2] > _MAX_SIZE * size, axis=1) & ~outside
    problems = tuple(
        BadInput(
            frame.source,
            f'is {size[0]} x {size[1]} pixels, and the box '
            f'({", ".join(f"{v:g}" for v in box)}) is {what}; check whether it was made for another size',
        )
        for where, what in ((outside, 'outside'), (huge, 'far larger'))
        for box in boxes[where, :4]
    )
    good = ~(outside | huge)
    given = None if keypoints is None else keypoints[good]
    return People(boxes[good, :4], boxes[good, 4], problems, given_keypoints=given)


def check_boxes(boxes: Any, where: str) -> np.ndarray:
    """Check boxes and their scores.

    Args:
        boxes: (P, 4) x1, y1, x2, y2, or (P, 5) with scores; a single row is accepted, too.
        where: Origin of the boxes, for error messages.

    Returns:
        (P, 5) float64; the score is 1 if none is given.

    Raises:
        BadInputError: If the shape is wrong, a number is not finite, or a box is not larger than a pixel.
    """
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros((1, 0))
    if array.size == 0 and array.ndim <= 2 and len(array) == 0:
        return np.zeros((0, 5))
    array = np.atleast_2d(array)
    if array.ndim != 2 or array.shape[1] not in (4, 5):
        raise BadInputError(f'{where}: boxes must be rows of x1, y1, x2, y2 in pixels and an optional score')
    if array.shape[1] == 4:
        array = np.concatenate([array, np.ones((len(array), 1))], axis=1)
    for row in array:
        if fault := box_fault(row.tolist()):
            raise BadInputError(f'{where}: {fault}')
    return array


def as_boxes(given: Any, where: str = 'bboxes') -> np.ndarray | dict[str, np.ndarray]:
    """Check boxes for every frame, or by name.

    Args:
        given: Boxes as for :func:`check_boxes`, or a dict of such boxes by name of file or frame.
        where: Origin of the boxes, for error messages.

    Returns:
        (P, 5) boxes for every frame or by name.

    Raises:
        BadInputError: As :func:`check_boxes`.
    """
    if isinstance(given, Mapping):
        return {str(name): check_boxes(boxes, f'{where}, {name}') for name, boxes in given.items()}
    return check_boxes(given, where)
