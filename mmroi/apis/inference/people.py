"""Boxes of the people in a frame: from a detector, from the user, or the whole image."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.datasets.coco_annotations import COCO_PERSON, person_annotations


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

    Boxes that lie partly outside the frame are kept; boxes entirely outside are dropped and reported.

    Args:
        bboxes: (P, 4) corners x1, y1, x2, y2 in pixels, or (P, 5) with scores, used for every frame; a dict
            of such arrays by name; or a file, see :func:`read_boxes`. Names are names of frames, videos or
            files, the latter with or without folders and suffix.
        score_thr: Lowest score of a box.

    Raises:
        BadInputError: If a box is malformed, or the file cannot be read.
    """

    def __init__(self, bboxes: Any, score_thr: float = 0.0) -> None:
        self._score_thr = score_thr
        self._where = str(bboxes) if isinstance(bboxes, (str, Path)) else 'bboxes'
        self._boxes = read_boxes(bboxes) if isinstance(bboxes, (str, Path)) else as_boxes(bboxes)
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
            return _inside(self._boxes, frame, self._score_thr)
        key = self.find_key(frame)
        return self.missing(frame) if key is None else _inside(self._boxes[key], frame, self._score_thr)

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


def _inside(boxes: np.ndarray, frame: Frame, score_thr: float) -> People:
    boxes = boxes[boxes[:, 4] >= score_thr]
    height, width = frame.image.shape[:2]
    outside = (boxes[:, :2] >= (width, height)).any(axis=1) | (boxes[:, 2:4] <= 0).any(axis=1)
    problems = tuple(
        BadInput(
            frame.source,
            f'is {width} x {height} pixels, and the box '
            f'({", ".join(f"{v:g}" for v in box)}) is outside; check whether it was made for another size',
        )
        for box in boxes[outside, :4]
    )
    return People(boxes[~outside, :4], boxes[~outside, 4], problems)


def check_boxes(boxes: Any, where: str) -> np.ndarray:
    """Check boxes and their scores.

    Args:
        boxes: (P, 4) x1, y1, x2, y2, or (P, 5) with scores; a single row is accepted, too.
        where: Origin of the boxes, for error messages.

    Returns:
        (P, 5) float64; the score is 1 if none is given.

    Raises:
        BadInputError: If the shape is wrong, a number is not finite, or a box has no area.
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
    wrong = ~np.isfinite(array).all(axis=1) | (array[:, 2:4] <= array[:, :2]).any(axis=1)
    if wrong.any():
        shown = ', '.join(f'{value:g}' for value in array[wrong.argmax(), :4])
        raise BadInputError(f'{where}: box ({shown}) must be x1, y1, x2, y2 in pixels, x1 < x2 and y1 < y2')
    return array


def read_boxes(path: str | Path) -> np.ndarray | dict[str, np.ndarray]:
    """Read boxes from a file.

    Args:
        path: JSON with a list of boxes for every frame, or a dict of such lists by name of file or frame, see
            :func:`check_boxes`; or the persons of COCO annotations (a dict with ``images`` and
            ``annotations``) or COCO results (a list of dicts). The ``image_id`` of results is a file name, or
            a number that is the stem of the file name.

    Returns:
        (P, 5) boxes for every frame or by name, see :func:`check_boxes`.

    Raises:
        BadInputError: If the file does not exist or has other content.
    """
    try:
        content = json.loads(Path(path).expanduser().read_text(encoding='utf-8'))
    except OSError as error:
        raise BadInputError(f'boxes {path} cannot be read ({error.strerror}); check the path') from None
    except ValueError:
        raise BadInputError(f'boxes {path} is not JSON; give boxes as JSON or as a COCO file') from None
    try:
        if isinstance(content, dict) and {'images', 'annotations'} <= content.keys():
            return _coco_annotations(content, str(path))
        if isinstance(content, list) and content and isinstance(content[0], dict):
            return _coco_results(content, str(path))
    except BadInputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f'lacks {error}' if isinstance(error, KeyError) else str(error)
        raise BadInputError(f'boxes {path} looks like a COCO file but {reason}; check the file') from None
    return as_boxes(content, str(path))


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


def _coco_annotations(content: dict[str, Any], where: str) -> dict[str, np.ndarray]:
    by_name: dict[str, list[list[float]]] = {}
    for image, annotations in person_annotations(content):
        people = [annotation for annotation in annotations if not annotation.get('iscrowd')]
        by_name.setdefault(image['file_name'], []).extend(map(_row, people))
    return as_boxes(by_name, where)  # type: ignore[return-value]


def _coco_results(content: Sequence[dict[str, Any]], where: str) -> dict[str, np.ndarray]:
    by_name: dict[str, list[list[float]]] = {}
    for result in content:
        rows = by_name.setdefault(str(result.get('file_name', result['image_id'])), [])
        if result.get('category_id', COCO_PERSON) == COCO_PERSON:
            rows.append(_row(result))
    return as_boxes(by_name, where)  # type: ignore[return-value]


def _row(entry: Mapping[str, Any]) -> list[float]:
    x, y, width, height = (float(value) for value in entry['bbox'])
    score = float(entry.get('score', 1))
    return [x, y, x + width, y + height, score if math.isfinite(score) else 0.0]
