"""Files of the motion of each tracked person, written when a video ends."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from mmroi.apis.inference.results import FrameResult, person_arrays
from mmroi.body_models import SMPL
from mmroi.visualization.animation import Clip, Rig, Track, write_amass, write_bvh, write_glb
from mmroi.visualization.animation.clips import measure_fps

FOLDER = 'animations'
STILL_FPS = 30.0  # of the single frame that a photo gives
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
    """

    def __init__(self, out_dir: Path, body_model: SMPL) -> None:
        self._folder = out_dir / FOLDER
        self._body = body_model
        self._video: str | None = None
        self._kinds: Collection[str] = ()
        self._fps: float | None = None
        self._times: list[float] = []
        self._tracks: dict[int, Track] = {}

    def add(self, result: FrameResult, kinds: Collection[str]) -> None:
        """Add a frame; one of another video, or of none, first ends the last video.

        Args:
            result: Result for the frame.
            kinds: Names of ``WRITERS`` to write for its video.

        Raises:
            OSError: If a file cannot be written.
        """
        frame = result.frame
        if frame.video is None or frame.video != self._video:
            self.close()
        self._video, self._kinds, self._fps = frame.video, kinds, frame.fps
        time = frame.time or 0.0
        self._times.append(time)
        for sample in result.samples:
            person = person_arrays(sample)
            pose = np.concatenate([person['global_orient'][None], person['body_pose']])
            track = self._tracks.setdefault(sample.track_id, Track())
            track.add(time, pose, person['betas'], person['camera_translation'])
        if frame.video is None:
            self._write(frame.name)

    def close(self) -> None:
        """Write the files of the last video."""
        if self._video is not None:
            self._write(self._video)
        self._video = None

    def _write(self, name: str) -> None:
        tracks, fps = self._tracks, frame_rate(self._fps, self._times)
        self._tracks, self._times = {}, []
        for person, track in tracks.items():
            clips = track.clips(self._body, f'{name}_person_{person}', fps)
            rig = Rig.from_body(self._body, clips[0].betas)
            for clip in clips:
                for kind in self._kinds:
                    suffix, write = WRITERS[kind]
                    # Not with_suffix: a name may contain a dot.
                    write(self._folder / f'{clip.name}{suffix}', clip, rig, person)


def frame_rate(stated: float | None, times: list[float]) -> float:
    """Choose the frame rate of a video.

    Args:
        stated: According to the header; None if unknown.
        times: Times of all its frames, seconds.

    Returns:
        Frames per second: as stated, unless the frames contradict it.
    """
    measured = measure_fps(times)
    if measured is None:
        return stated or STILL_FPS
    return stated if stated and abs(stated / measured - 1) <= _TRUSTED else measured
