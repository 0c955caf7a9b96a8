"""The moving people of one video of the viewer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ViewerClip:
    """A person who moves.

    Attributes:
        person: Number of the person, as in the frames of the video.
        color: Blue, green, red (0-255).
        start: Time of the first key, seconds since the start of the video.
        end: Time of the last key.
        glb: Skinned mesh with one animation, whose keys have the times of the video, in glTF's axes with the
            camera at the origin, as :func:`~mmroi.visualization.animation.encode_glb` makes it.
        joints_std: (T, J) standard deviations of the joints of ``glb`` at the keys, meters, by which the
            person can be colored; None if they are not known.

    Raises:
        ValueError: If ``joints_std`` has another shape or is not finite.
    """

    person: int
    color: Sequence[int]
    start: float
    end: float
    glb: bytes
    joints_std: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.joints_std is None:
            return
        if self.joints_std.ndim != 2 or not np.isfinite(self.joints_std).all():
            raise ValueError(
                f'person {self.person}: joints_std must be (T, J) and finite, not {self.joints_std.shape}'
            )


@dataclass(frozen=True)
class ViewerSequence:
    """The people of a video.

    Attributes:
        name: Name to show; all characters are allowed.
        fps: Frames per second.
        clips: At least one; a person who was lost has several.

    Raises:
        ValueError: If there is no clip, or the rate is not positive.
    """

    name: str
    fps: float
    clips: Sequence[ViewerClip]

    def __post_init__(self) -> None:
        if not self.clips:
            raise ValueError(f'sequence {self.name!r} has no clip')
        if not self.fps > 0:
            raise ValueError(f'sequence {self.name!r}: fps must be positive, not {self.fps}')
