"""Boxes of the people in a frame: from a detector, from the user, or the whole image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from mmroi.apis.inference.box_files import box_fault, read_boxes
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame

_MAX_SIZE = 4  # of a box, relative to the side of the image; a larger one was made for another image


@dataclass(frozen=True, eq=False)
class People:
    """The people of one frame.

    Attributes:
        bboxes: (P, 4) corners x1, y1, x2, y2 in pixels of the frame, float64.
        scores: (P,) confidence, float64.
        problems: Boxes of the frame that could not be used.
        keypoints: (P, 17, 3) x, y in pixels of the frame (centers at integers) and score in [0, 1], in the
            order of ``COCO_17``, float64, from a detector that finds them; else None.
        given_keypoints: (P, 54, 3) the same in ``smpl_54``, given by the user for refinement; else None.
    """

    bboxes: np.ndarray
    scores: np.ndarray
    problems: tuple[BadInput, ...] = ()
    keypoints: np.ndarray | None = None
    given_keypoints: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.bboxes)

    def persons(self) -> Iterator[dict[str, Any]]:
        """Give what is known of each person: ``bbox``, ``bbox_score``, ``det_keypoints``, ``keypoints``."""
        named = dict(det_keypoints=self.keypoints, keypoints=self.given_keypoints)
        for i, (bbox, score) in enumerate(zip(self.bboxes, self.scores, strict=True)):
            known = {name: points[i] for name, points in named.items() if points is not None}
            yield dict(bbox=bbox, bbox_score=float(score), **known)


class WholeImage:
    """One person who fills the frame."""

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Return the box of each frame.

        Args:
            frames: The frames.

        Returns:
            One item per frame.
        """
        return [People(np.array([[0, 0, *frame.image.shape[1::-1]]], float), np.ones(1)) for frame in frames]


class DetectedPeople:
    """People found by a detector of MMDetection.

    RTMDet and YOLOX run on mmcv-lite; two-stage detectors such as Mask R-CNN need compiled mmcv.

    Args:
        model: Name in MMDetection's model zoo, or a config file of MMDetection.
        weights: File or URL; by default those of the model zoo, which are downloaded if they are not cached.
        device: Device; by default the accelerator if there is one.
        score_thr: Lowest score of a person.
        batch_size: Number of frames in a batch of the detector.

    Raises:
        BadInputError: If model or weights do not exist, cannot be downloaded or do not fit, or the model has
            no class ``person``.
    """

    def __init__(
        self,
        model: str = 'rtmdet-m',
        weights: str | Path | None = None,
        device: str | None = None,
        score_thr: float = 0.5,
        batch_size: int = 8,
    ) -> None:
        from mmroi.apis.inference.detector import Detector

        self._detector = Detector(model, weights, device)
        self._model, self._score_thr, self._batch_size = model, score_thr, batch_size
        classes = self._detector.model.dataset_meta['classes']
        if 'person' not in classes:
            raise BadInputError(
                f'detector {model} has no class "person", only {", ".join(classes[:5])}; '
                'use one that detects people'
            )
        self._person = classes.index('person')

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Detect people.

        Args:
            frames: The frames.

        Returns:
            One item per frame, the best score first.

        Raises:
            BadInputError: If the detector needs an op that is not installed.
        """
        try:
            found = self._detector(
                [frame.image for frame in frames],
                batch_size=self._batch_size,
                return_datasamples=True,
                no_save_vis=True,
            )['predictions']
        except NotImplementedError as error:
            raise BadInputError(f'detector {self._model}: {error}') from error
        return [self._persons(sample.pred_instances.cpu()) for sample in found]

    def _persons(self, instances: Any) -> People:
        persons = instances[(instances.labels == self._person) & (instances.scores >= self._score_thr)]
        order = persons.scores.argsort(descending=True, stable=True)
        return People(persons.bboxes[order].double().numpy(), persons.scores[order].double().numpy())


class GivenPeople:
    """Boxes given by the user.

    Boxes that lie partly outside the frame are kept; boxes entirely outside, or far larger than the frame,
    are dropped and reported.

    Args:
        bboxes: (P, 4) corners x1, y1, x2, y2 in pixels, or (P, 5) with scores, used for every frame; a dict
            of such arrays by name; or a file, see :func:`.box_files.read_boxes`. Names are names of frames,
            videos or files, the latter with or without folders and suffix.
        score_thr: Lowest score of a box.

    Attributes:
        notes: What was left out of a file as a whole, one sentence each.

    Raises:
        BadInputError: If a box is malformed, or the file cannot be read or most of its boxes are malformed.
    """

    def __init__(self, bboxes: Any, score_thr: float = 0.0) -> None:
        self._score_thr = score_thr
        self._where, self.notes = 'bboxes', list[str]()
        self._faults: dict[str, list[str]] = {}
        self._boxes: np.ndarray | dict[str, np.ndarray]
        if isinstance(bboxes, (str, Path)):
            file = read_boxes(bboxes)
            self._where, self._faults = file.where, dict(file.faults)
            self.notes = [f'{file.where}: {note}' for note in file.notes]
            self._boxes = {name: file.boxes(name) for name in [*file.rows]} if file.named else file.boxes()
        else:
            self._boxes = as_boxes(bboxes)
        # Files may have moved since: a name without folders is enough if it is unique.
        self._bare: dict[str, str | None] = {}
        for key in self._boxes if isinstance(self._boxes, dict) else ():
            for bare in {PurePath(key).name, PurePath(key).stem}:
                self._bare[bare] = None if bare in self._bare else key

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
            return inside(self._boxes, frame, self._score_thr)
        key = self.find_key(frame)
        if key is None:
            return self.missing(frame)
        people = inside(self._boxes[key], frame, self._score_thr)
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
        problem = BadInput(frame.source, f'has no entry in {self._where}; add one or remove the image')
        return People(np.zeros((0, 4)), np.zeros(0), (problem,))

    def _keys(self, frame: Frame) -> Iterator[str]:
        yield frame.name
        path = PurePath(frame.source)
        for parts in range(len(path.parts)):  # the longest first
            yield str(PurePath(*path.parts[parts:]))
        if frame.video is not None:
            yield frame.video
        for bare in (path.name, path.stem, str(int(path.stem)) if path.stem.isdecimal() else path.stem):
            yield self._bare.get(bare) or bare


def inside(
    boxes: np.ndarray, frame: Frame, score_thr: float = -np.inf, keypoints: np.ndarray | None = None
) -> People:
    """Leave out the boxes that cannot be of a frame, and say so.

    Args:
        boxes: (P, 5) x1, y1, x2, y2 in pixels, and the score.
        frame: The frame.
        score_thr: Lowest score of a box.
        keypoints: (P, 54, 3) of the same people, if they are given.

    Returns:
        The people whose boxes are neither entirely outside the frame nor far larger than it.
    """
    sure = boxes[:, 4] >= score_thr
    boxes, size = boxes[sure], np.array(frame.image.shape[1::-1])
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
    given = None if keypoints is None else keypoints[sure][good]
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
