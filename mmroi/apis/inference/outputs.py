"""Files of a run, written picture by picture: what is done is there, whatever happens next."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from mmroi.apis.inference.frames import Frame
from mmroi.apis.inference.pictures import draw_result, draw_views, viewer_frame
from mmroi.apis.inference.predictions import picture_arrays, picture_dict
from mmroi.apis.inference.results import FrameResult
from mmroi.apis.inference.video_file import VideoFile
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.npz_io import write_npz
from mmroi.visualization import save_meshes
from mmroi.visualization.viewer import ViewerFrame, write_viewer

MESHES = ('glb', 'obj', 'ply')
SAVES = ('json', 'npz', 'vertices', 'overlay', 'views', *MESHES, 'viewer')
DEFAULT_SAVES = ('json', 'overlay', 'views', 'glb', 'viewer')
# A mesh file takes 0.25 MB per person: too much for each frame, unless asked for.
DEFAULT_SAVES_OF_VIDEOS = ('json', 'overlay', 'viewer')
PICTURE_SIZE, VIEWER_PHOTO_SIZE = 1920, 1280  # long side, pixels
JPEG_QUALITY = 92


class ResultWriter:
    """Writes what was found; a context manager.

    The folder gets ``predictions/<name>.json`` and ``.npz`` (``vertices``: an npz that holds the meshes, too),
    ``overlays/<name>.jpg``, for a video ``overlays/<video>.mp4`` instead, ``views/<name>.jpg``, ``meshes/<name>.glb``
    (``.obj``, ``.ply``), and ``viewer.html`` of the whole run when it ends. Pictures without people have no views
    and meshes, and are not in the viewer.

    Args:
        out_dir: The folder; made if absent.
        faces: Triangles of the body, (F, 3).
        saves: Any of ``SAVES``; None for ``DEFAULT_SAVES``, and for frames of videos ``DEFAULT_SAVES_OF_VIDEOS``.
        viewer_frames: The viewer shows at most so many pictures, spread evenly over the run.

    Raises:
        ValueError: If a name in ``saves`` is unknown, or ``viewer_frames`` is not positive.
        OSError: If the folder cannot be made.
    """

    def __init__(
        self,
        out_dir: str | Path,
        faces: np.ndarray,
        saves: Sequence[str] | None = None,
        viewer_frames: int = 30,
    ) -> None:
        unknown = sorted(set(saves or ()) - set(SAVES))
        if unknown:
            raise ValueError(f'save: there is no {", ".join(unknown)}; there are {", ".join(SAVES)}')
        self.out_dir = Path(out_dir)
        self.out_dir.mkdir(parents=True, exist_ok=True)
        self._faces = np.asarray(faces)
        self._saves = saves
        self._viewer = _EvenlySpread(viewer_frames)
        self._video: VideoFile | None = None

    def __enter__(self) -> 'ResultWriter':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, result: FrameResult) -> None:
        """Write one picture's files.

        Args:
            result: The picture.

        Raises:
            OSError: If a file cannot be written.
        """
        frame, saves = result.frame, self._saves_for(result.frame)
        if 'json' in saves:
            self._write(
                'predictions', frame, '.json', json.dumps(picture_dict(result), allow_nan=False).encode()
            )
        if 'npz' in saves or 'vertices' in saves:
            write_npz(self._path('predictions', frame, '.npz'), picture_arrays(result, 'vertices' in saves))
        if 'overlay' in saves:
            self._write_overlay(result)
        if not result.samples:
            return
        if 'views' in saves:
            self._write('views', frame, '.jpg', _jpeg(draw_views(result, self._faces)))
        for suffix in MESHES:
            if suffix in saves:
                path = self._path('meshes', frame, f'.{suffix}')
                path.parent.mkdir(exist_ok=True)
                save_meshes(path, result.vertices, self._faces, ids=result.ids)
        if 'viewer' in saves:
            self._viewer.offer(lambda: viewer_frame(result, self._faces, VIEWER_PHOTO_SIZE))

    def close(self) -> None:
        """Finish the video and writes the viewer."""
        self._close_video()
        if self._viewer.kept:
            write_viewer(self.out_dir / 'viewer.html', self._viewer.kept)

    def _saves_for(self, frame: Frame) -> Sequence[str]:
        if self._saves is not None:
            return self._saves
        return DEFAULT_SAVES if frame.video is None else DEFAULT_SAVES_OF_VIDEOS

    def _path(self, folder: str, frame: Frame, suffix: str) -> Path:
        # Not with_suffix: a name may hold a dot.
        return self.out_dir / folder / f'{frame.name}{suffix}'

    def _write(self, folder: str, frame: Frame, suffix: str, content: bytes) -> None:
        with atomic_write(self._path(folder, frame, suffix)) as temporary:
            temporary.write_bytes(content)

    def _write_overlay(self, result: FrameResult) -> None:
        frame, picture = result.frame, draw_result(result, self._faces, PICTURE_SIZE)
        if frame.video is None:
            self._write('overlays', frame, '.jpg', _jpeg(picture))
            return
        path = self.out_dir / 'overlays' / f'{frame.video}.mp4'
        if self._video is None or self._video.path != path:
            self._close_video()
            self._video = VideoFile(path)
        self._video.add(picture, frame.time)

    def _close_video(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None


class _EvenlySpread:
    """Keeps at most ``limit`` of a stream, spread evenly: when it is full it keeps every other one."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f'viewer_frames must be positive, not {limit}')
        self.kept: list[ViewerFrame] = []
        self.offered = 0
        self._limit = limit
        self._stride = 1

    def offer(self, make: Callable[[], ViewerFrame]) -> None:
        if self.offered % self._stride == 0 and len(self.kept) == self._limit:
            self.kept = self.kept[::2]
            self._stride *= 2
        if self.offered % self._stride == 0:
            self.kept.append(make())
        self.offered += 1


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
