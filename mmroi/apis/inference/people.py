"""The people of a frame: found by a detector of MMDetection, or the whole image."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame


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

    @classmethod
    def nobody(cls, *problems: BadInput) -> 'People':
        """Return the people of a frame without any, and why, if it has a reason."""
        return cls(np.zeros((0, 4)), np.zeros(0), problems)

    def persons(self) -> Iterator[dict[str, Any]]:
        """Give what is known of each person: ``bbox``, ``bbox_score``, ``det_keypoints``, ``keypoints``."""
        named = dict(det_keypoints=self.keypoints, keypoints=self.given_keypoints)
        for i, (bbox, score) in enumerate(zip(self.bboxes, self.scores, strict=True)):
            known = {name: points[i] for name, points in named.items() if points is not None}
            yield dict(bbox=bbox, bbox_score=float(score), **known)


class WholeImage:
    """One person who fills the frame. For the first frame that is wider than high it says what that means.

    Args:
        aspect: Width / height of the crops.
    """

    def __init__(self, aspect: float = 0.75) -> None:
        self._aspect, self._said = aspect, False

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Return the box of each frame.

        Args:
            frames: The frames.

        Returns:
            One item per frame.
        """
        for frame in frames:
            height, width = frame.image.shape[:2]
            if width > height and not self._said:
                self._said = True
                print_log(
                    f'{frame.source} is wider than high ({width} x {height} pixels): whole_image '
                    '(--whole-image) takes its full width as one person, so that someone as high as the '
                    f'image fills {height / (width / self._aspect):.0%} of the height of the crop. For a '
                    'person in a part of it leave the option out, to detect people, or give a box (--bboxes)',
                    'current',
                    logging.WARNING,
                )
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
