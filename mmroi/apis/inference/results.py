"""What the inferencer gives for a picture, and what it counts over a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.structures import HMRDataSample


@dataclass(frozen=True)
class FrameResult:
    """The people of one picture.

    Attributes:
        frame: The picture.
        samples: One sample per person as ``tools/test.py`` makes them, on the CPU; ``track_id``, ``bbox`` (4,) xyxy
            in pixels, ``bbox_score`` and ``focal_length_from`` (``given``, ``EXIF`` or ``estimated``) are metainfo.
        problems: Boxes that were given for the picture and could not be used.
    """

    frame: Frame
    samples: list[HMRDataSample]
    problems: tuple[BadInput, ...] = ()

    @property
    def ids(self) -> list[int]:
        """Identity of each person: stable over the frames of a video, counted from 0 in a photo."""
        return [sample.track_id for sample in self.samples]

    @property
    def vertices(self) -> np.ndarray:
        """Meshes in the camera frame, (P, V, 3) float32 meters."""
        return np.concatenate(
            [
                (sample.pred_instances.vertices + sample.pred_instances.camera_translation[:, None]).numpy()
                for sample in self.samples
            ]
            or [np.zeros((0, 0, 3), np.float32)]
        )

    @property
    def boxes(self) -> np.ndarray:
        """RoIs, (P, M, 3): center relative to the principal point and height, pixels."""
        return np.stack([sample.boxes for sample in self.samples]) if self.samples else np.zeros((0, 0, 3))

    @property
    def camera_translation(self) -> np.ndarray:
        """Translation of each person in the full camera, (P, 3) float32 meters; ``vertices`` have it."""
        return np.concatenate(
            [sample.pred_instances.camera_translation.numpy() for sample in self.samples]
            or [np.zeros((0, 3), np.float32)]
        )

    @property
    def full_cameras(self) -> np.ndarray:
        """Translations that the RoIs' cameras give in the full camera, (P, M, 3) float32 meters."""
        return np.concatenate(
            [sample.pred_instances.full_cameras.numpy() for sample in self.samples]
            or [np.zeros((0, 0, 3), np.float32)]
        )


@dataclass
class RunSummary:
    """Counts of a run.

    Attributes:
        pictures: Photos and frames that were read.
        people: People found in them, each frame counted anew.
        empty: Names of the pictures without a person.
        problems: Given boxes that could not be used.
        failed: Inputs that could not be read.
    """

    pictures: int = 0
    people: int = 0
    empty: list[str] = field(default_factory=list)
    problems: list[BadInput] = field(default_factory=list)
    failed: list[BadInput] = field(default_factory=list)

    def add(self, result: FrameResult | BadInput) -> None:
        """Count one result.

        Args:
            result: What ``MultiRoIInferencer.stream`` yields.
        """
        if isinstance(result, BadInput):
            self.failed.append(result)
            return
        self.pictures += 1
        self.people += len(result.samples)
        self.problems += result.problems
        if not result.samples:
            self.empty.append(result.frame.name)

    @property
    def succeeded(self) -> bool:
        """Whether all inputs were read and something came of them.

        A picture without people is a result, unless nobody was found because the given boxes do not fit.
        """
        return self.pictures > 0 and not self.failed and not (self.problems and not self.people)

    def lines(self, listed: int = 10) -> Sequence[str]:
        """The summary in words.

        Args:
            listed: At most so many pictures or boxes of a kind are named; failed inputs all are.

        Returns:
            Lines of text.
        """
        noun = 'picture' if self.pictures == 1 else 'pictures'
        lines = [f'{self.people} {"person" if self.people == 1 else "people"} in {self.pictures} {noun}']
        if self.empty:
            names = ', '.join(self.empty[:listed]) + (', ...' if len(self.empty) > listed else '')
            lines.append(f'no person found in {len(self.empty)} of them: {names}')
        lines += [f'box not used: {problem}' for problem in self.problems[:listed]]
        if len(self.problems) > listed:
            lines.append(f'... and {len(self.problems) - listed} more boxes not used')
        lines += [f'failed: {bad}' for bad in self.failed]
        return lines
