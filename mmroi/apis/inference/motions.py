"""Files of the motion of each tracked person, written when a video ends."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from mmroi.apis.inference.results import FrameResult, person_arrays
from mmroi.body_models import SMPL
from mmroi.visualization import person_colors
from mmroi.visualization.animation import (
    Clip,
    Rig,
    Track,
    encode_glb,
    write_amass,
    write_bvh,
    write_glb,
)
from mmroi.visualization.animation.clips import measure_fps
from mmroi.visualization.viewer import ViewerClip, ViewerSequence

FOLDER = 'animations'
STILL_FPS = 30.0  # of the single frame that a photo gives
VIEWER = 'viewer'  # asks for sequences of the viewer
VIEWER_PEOPLE = 10  # per video: those who are seen longest
VIEWER_KEYS = 1500  # per person: longer clips get fewer frames per second
VIEWER_BYTES = 24_000_000  # of all videos; those that come later are left out
_TRUSTED = 0.1  # relative difference between the rate in a header and the measured one

Writer = Callable[[Path, Clip, Rig, int], None]
WRITERS: dict[str, tuple[str, Writer]] = {
    'anim': ('.glb', write_glb),
    'bvh': ('.bvh', lambda path, clip, rig, person: write_bvh(path, clip, rig)),
    'smpl': ('.npz', lambda path, clip, rig, person: write_amass(path, clip, rig)),
}


class MotionWriter:
    """Collects people over the frames of a video and writes ``animations/<video>_person_<id>.*``.

    An image that is no frame of a video gives clips of one frame. A person takes about 350 bytes of memory
    per frame until the video ends.

    Args:
        out_dir: Output folder of the run.
        body_model: The body that posed the people.

    Attributes:
        sequences: What the viewer plays, of limited size: see the constants of this module.
    """

    def __init__(self, out_dir: Path, body_model: SMPL) -> None:
        self.sequences: list[ViewerSequence] = []
        self._folder = out_dir / FOLDER
        self._body = body_model
        self._room = VIEWER_BYTES
        self._video: str | None = None
        self._kinds: Collection[str] = ()
        self._fps: float | None = None
        self._times: list[float] = []
        self._numbers: list[int] = []
        self._tracks: dict[int, Track] = {}

    def add(self, result: FrameResult, kinds: Collection[str]) -> None:
        """Add a frame; one of another video, or of none, first ends the last video.

        Args:
            result: Result for the frame.
            kinds: Names of ``WRITERS``, and ``VIEWER``, to make for its video.

        Raises:
            OSError: If a file cannot be written.
        """
        frame = result.frame
        if frame.video is None and set(kinds) <= {VIEWER}:
            return  # nothing moves in a photo
        if frame.video is None or frame.video != self._video:
            self.close()
        self._video, self._kinds, self._fps = frame.video, kinds, frame.fps
        time = frame.time or 0.0
        self._times.append(time)
        self._numbers.append(frame.index)
        for sample in result.samples:
            person = person_arrays(sample)
            pose = np.concatenate([person['global_orient'][None], person['body_pose']])
            track = self._tracks.setdefault(sample.track_id, Track())
            track.add(time, pose, person['betas'], person['camera_translation'], person.get('joints_std'))
        if frame.video is None:
            self._write(frame.name)

    def close(self) -> None:
        """Write the files of the last video."""
        if self._video is not None:
            self._write(self._video)
        self._video = None

    def _write(self, name: str) -> None:
        tracks, fps = self._tracks, frame_rate(self._fps, self._times, self._numbers)
        self._tracks, self._times, self._numbers = {}, [], []
        moving: list[tuple[int, Clip, Rig]] = []
        for person, track in tracks.items():
            clips = track.clips(self._body, f'{name}_person_{person}', fps)
            rig = Rig.from_body(self._body, clips[0].betas)
            for clip in clips:
                if len(clip) > 1:
                    moving.append((person, clip, rig))
                for kind in self._kinds:
                    if kind == VIEWER:
                        continue
                    suffix, write = WRITERS[kind]
                    # Not with_suffix: a name may contain a dot.
                    write(self._folder / f'{clip.name}{suffix}', clip, rig, person)
        if VIEWER in self._kinds:
            self._add_sequence(name, fps, moving)

    def _add_sequence(self, name: str, fps: float, moving: list[tuple[int, Clip, Rig]]) -> None:
        """Keep the longest clips for the viewer, in the order of the people, while there is room."""
        longest = sorted(moving, key=lambda item: -len(item[1]))[:VIEWER_PEOPLE]
        clips = []
        for person, clip, rig in sorted(longest, key=lambda item: item[0]):
            short = clip.thinned(-(-len(clip) // VIEWER_KEYS))
            glb = encode_glb(short, rig, person)
            self._room -= len(glb)
            if self._room < 0:
                break
            (color,) = person_colors([person])
            start, end = float(short.times[0]), float(short.times[-1])
            clips.append(ViewerClip(person, color, start, end, glb, short.joints_std))
        if clips:
            self.sequences.append(ViewerSequence(name, fps, clips))


def frame_rate(stated: float | None, times: list[float], numbers: list[int]) -> float:
    """Choose the frame rate of a video.

    Args:
        stated: According to the header; None if unknown.
        times: Times of its frames, seconds.
        numbers: Numbers of its frames, with gaps where frames could not be read.

    Returns:
        Frames per second: as stated, unless the frames contradict it.
    """
    measured = measure_fps(times, numbers)
    if measured is None:
        return stated or STILL_FPS
    return stated if stated and abs(stated / measured - 1) <= _TRUSTED else measured
