"""The motion of one person: collected frame by frame, then cut into clips of constant frame rate."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import roma
import torch

from mmroi.body_models import SMPL
from mmroi.geometry import axis_angle_to_matrix

MAX_GAP = 0.5  # seconds without a detection that are interpolated
_SNAP = 0.25  # of a frame: time stamps that are rounded, as in most containers


@dataclass(frozen=True, eq=False)
class Clip:
    """A person over frames at a constant rate.

    Camera frame: OpenCV (x right, y down, z forward), meters. A point of the rest pose moves with the root as
    ``rotations[:, 0] (point - J0) + root``, where J0 is the root joint of the rest pose.

    Attributes:
        name: Name of its files, without a suffix.
        rotations: (T, 24, 3, 3) float64, root first, each relative to its parent.
        root: (T, 3) float64, position of the root joint.
        betas: (10,) float64, the mean over the person's frames.
        fps: Frames per second.
        start: Time of the first frame, seconds since the start of the video.
        interpolated: (T,) bool, frames in which the person was not found.
        joints_std: (T, 24) float64, standard deviations of the joints, meters; None if they are not known.
    """

    name: str
    rotations: np.ndarray
    root: np.ndarray
    betas: np.ndarray
    fps: float
    start: float
    interpolated: np.ndarray
    joints_std: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.root)

    @property
    def times(self) -> np.ndarray:
        """Times of the frames, (T,) seconds since the start of the video."""
        return self.start + np.arange(len(self)) / self.fps

    def turned(self, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Express the motion in other axes.

        Args:
            axes: (3, 3) rotation from the camera frame to the other axes.

        Returns:
            ``rotations`` (T, 24, 3, 3) and ``root`` (T, 3).
        """
        rotations = self.rotations.copy()
        rotations[:, 0] = axes @ rotations[:, 0]
        return rotations, self.root @ axes.T

    def thinned(self, step: int) -> 'Clip':
        """Keep every ``step``-th frame.

        Args:
            step: At least 1.

        Returns:
            The shorter clip.
        """
        kept = slice(None, None, step)
        return Clip(
            self.name,
            self.rotations[kept],
            self.root[kept],
            self.betas,
            self.fps / step,
            self.start,
            self.interpolated[kept],
            None if self.joints_std is None else self.joints_std[kept],
        )


@dataclass(eq=False)
class Track:
    """The parameters of one person in the frames in which the person was found.

    About 350 bytes a frame.

    Attributes:
        times: Seconds since the start of the video, increasing.
        poses: (24, 3) axis-angle of each frame, root first.
        betas: (10,) of each frame.
        translations: (3,) SMPL's ``transl`` of each frame, camera frame, meters.
        deviations: (24,) standard deviations of the joints in each frame, meters, where they are known.
    """

    times: list[float] = field(default_factory=list)
    poses: list[np.ndarray] = field(default_factory=list)
    betas: list[np.ndarray] = field(default_factory=list)
    translations: list[np.ndarray] = field(default_factory=list)
    deviations: list[np.ndarray] = field(default_factory=list)

    def add(
        self,
        time: float,
        pose: np.ndarray,
        betas: np.ndarray,
        translation: np.ndarray,
        joints_std: np.ndarray | None = None,
    ) -> None:
        """Add a frame.

        Args:
            time: Seconds since the start of the video; later than the last one.
            pose: (24, 3) axis-angle, root first.
            betas: (10,).
            translation: (3,) meters.
            joints_std: (24,) meters; None if not known, then the clips have none.

        Raises:
            ValueError: If the time did not increase.
        """
        if self.times and time <= self.times[-1]:
            raise ValueError(f'frames must follow each other: {time} s after {self.times[-1]} s')
        self.times.append(time)
        for values, value in ((self.poses, pose), (self.betas, betas), (self.translations, translation)):
            values.append(np.asarray(value, np.float32))
        if joints_std is not None:
            self.deviations.append(np.asarray(joints_std, np.float32))

    @torch.no_grad()
    def clips(self, body: SMPL, name: str, fps: float, max_gap: float = MAX_GAP) -> list[Clip]:
        """Cut the track into clips of constant frame rate.

        Frames are placed at multiples of 1 / fps. Where the time stamps agree with these, frames stay as they
        are; between them, which is so in gaps and at variable frame rates, rotations are interpolated on
        SO(3) and positions linearly. Longer gaps separate clips. All clips have the track's mean betas, and
        the root joint stays where each frame's own betas put it.

        Args:
            body: The body model.
            name: Name of the first clip; later ones are called ``<name>_part_2`` and so on.
            fps: Frames per second.
            max_gap: Longest gap to interpolate, seconds.

        Returns:
            At least one clip.

        Raises:
            ValueError: If the track is empty.
        """
        if not self.times:
            raise ValueError(f'{name}: there is no frame to make a clip of')
        betas = torch.as_tensor(np.stack(self.betas), device=body.mean_betas.device)
        root = body.rest_root(betas).double().cpu().numpy() + np.stack(self.translations)
        rotations = axis_angle_to_matrix(torch.as_tensor(np.stack(self.poses)).double()).numpy()
        known = len(self.deviations) == len(self.times)
        deviations = np.stack(self.deviations).astype(np.float64) if known else None
        places = _snap(np.asarray(self.times) * fps)
        ends = np.flatnonzero(np.diff(places) > max_gap * fps + 1) + 1
        clips = []
        for number, part in enumerate(np.split(np.arange(len(places)), ends), 1):
            grid = _grid(places[part])
            nearest = np.abs(grid[:, None] - places[part][_around(places[part], grid)]).min(1)
            clips.append(
                Clip(
                    name=name if number == 1 else f'{name}_part_{number}',
                    rotations=_interpolate(places[part], rotations[part], grid, rotate=True),
                    root=_interpolate(places[part], root[part], grid),
                    betas=betas.double().mean(0).cpu().numpy(),
                    fps=fps,
                    start=float(grid[0] / fps),
                    interpolated=nearest >= 1 - _SNAP,
                    joints_std=None
                    if deviations is None
                    else _interpolate(places[part], deviations[part], grid),
                )
            )
        return clips


def measure_fps(times: Sequence[float], numbers: Sequence[int]) -> float | None:
    """Measure a frame rate.

    Args:
        times: Times of the frames of a video, seconds, increasing.
        numbers: Their numbers, increasing; some are absent where frames could not be read.

    Returns:
        Frames per second; None if there are fewer than two frames.
    """
    return (numbers[-1] - numbers[0]) / (times[-1] - times[0]) if len(times) > 1 else None


def _snap(places: np.ndarray) -> np.ndarray:
    """Round places in units of frames to whole frames where all of them nearly are."""
    whole = np.rint(places)
    regular = np.abs(places - whole).max() <= _SNAP and (np.diff(whole) > 0).all()
    return whole if regular else places


def _grid(places: np.ndarray) -> np.ndarray:
    """Return the whole frames between the first and the last place; at least one."""
    first, last = np.ceil(places[0]), np.floor(places[-1])
    return np.arange(first, last + 1) if last >= first else np.rint(places[:1])


def _around(places: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the indices of the places before and after each entry of the grid, (G, 2)."""
    before = (np.searchsorted(places, grid, side='right') - 1).clip(0, max(len(places) - 2, 0))
    return np.stack([before, np.minimum(before + 1, len(places) - 1)], 1)


def _interpolate(
    places: np.ndarray, values: np.ndarray, grid: np.ndarray, rotate: bool = False
) -> np.ndarray:
    before, after = _around(places, grid).T
    length = places[after] - places[before]
    share = ((grid - places[before]) / np.where(length > 0, length, 1)).clip(0, 1)
    share = share.reshape(-1, *[1] * (values.ndim - (2 if rotate else 1)))
    if not rotate:
        return values[before] + share * (values[after] - values[before])
    relative = torch.from_numpy(np.swapaxes(values[before], -1, -2) @ values[after])
    turn = torch.from_numpy(share) * roma.rotmat_to_rotvec(relative)
    return values[before] @ roma.rotvec_to_rotmat(turn).numpy()
