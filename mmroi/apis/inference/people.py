"""Where the people are: a detector, boxes that the user gives, or the whole image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from mmroi.apis.inference.box_files import as_boxes, read_boxes
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame


@dataclass(frozen=True, eq=False)
class People:
    """The people of one frame.

    Attributes:
        bboxes: (P, 4) corners x1, y1, x2, y2 in pixels of the frame, float64.
        scores: (P,) confidence, float64.
        problems: What of the frame's boxes could not be used.
    """

    bboxes: np.ndarray
    scores: np.ndarray
    problems: tuple[BadInput, ...] = ()

    def __len__(self) -> int:
        return len(self.bboxes)


class WholeImage:
    """One person, who fills the frame."""

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Box the frames.

        Args:
            frames: The frames.

        Returns:
            list[People]: One for each frame.
        """
        return [People(np.array([[0, 0, *frame.image.shape[1::-1]]], float), np.ones(1)) for frame in frames]


class DetectedPeople:
    """Persons that a detector of MMDetection finds.

    RTMDet and YOLOX run on mmcv-lite; two-stage detectors such as Mask R-CNN need compiled mmcv.

    Args:
        model: Name in MMDetection's model zoo, or a config file of MMDetection.
        weights: File or URL; None for those of the model zoo, which must have been downloaded.
        device: None for the accelerator if there is one.
        score_thr: Persons with a lower score are left away.
        batch_size: Frames that the detector takes at once.

    Raises:
        BadInputError: Model or weights are absent or unfit, or the model knows no persons.
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
                f'detector {model} knows no class "person", only {", ".join(classes[:5])}; '
                'give one that finds people'
            )
        self._person = classes.index('person')

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Detect.

        Args:
            frames: The frames.

        Returns:
            list[People]: One for each frame, the best score first.

        Raises:
            BadInputError: The detector needs an op that is not installed.
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
    """Boxes that the user gives.

    A box that lies partly outside the frame stays as it is; one wholly outside is dropped and reported.

    Args:
        bboxes: (P, 4) corners x1, y1, x2, y2 in pixels, or (P, 5) with scores, the same people in every
            frame; a dict of such arrays by name; or a file, see :func:`.box_files.read_boxes`. A name is that
            of the frame, of its video, or of its file, with or without folders and suffix.
        score_thr: Boxes with a lower score are left away.

    Raises:
        BadInputError: A box is none, or the file cannot be read.
    """

    def __init__(self, bboxes: Any, score_thr: float = 0.0) -> None:
        self._score_thr = score_thr
        self._where = str(bboxes) if isinstance(bboxes, (str, Path)) else 'bboxes'
        self._boxes = read_boxes(bboxes) if isinstance(bboxes, (str, Path)) else as_boxes(bboxes)
        # Files may have moved since they were boxed: a name counts without its folders if it is the only one.
        self._bare: dict[str, str | None] = {}
        for key in self._boxes if isinstance(self._boxes, dict) else ():
            for bare in {PurePath(key).name, PurePath(key).stem}:
                self._bare[bare] = None if bare in self._bare else key

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Look up the boxes of the frames.

        Args:
            frames: The frames.

        Returns:
            list[People]: One for each frame.
        """
        return [self._look_up(frame) for frame in frames]

    def _look_up(self, frame: Frame) -> People:
        if not isinstance(self._boxes, dict):
            return _inside(self._boxes, frame, self._score_thr)
        key = next((key for key in self._keys(frame) if key in self._boxes), None)
        if key is None:
            problem = BadInput(frame.source, f'has no entry in {self._where}; add one or leave it out')
            return People(np.zeros((0, 4)), np.zeros(0), (problem,))
        return _inside(self._boxes[key], frame, self._score_thr)

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
            f'({", ".join(f"{v:g}" for v in box)}) is outside; was it made for another size?',
        )
        for box in boxes[outside, :4]
    )
    return People(boxes[~outside, :4], boxes[~outside, 4], problems)
