"""Output files of a run, written frame by frame so that an interrupted run keeps what is done."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from mmengine.logging import print_log

from mmroi.apis.inference.coco_results import CocoWriter
from mmroi.apis.inference.frames import Frame
from mmroi.apis.inference.motions import VIEWER, MotionWriter
from mmroi.apis.inference.pictures import draw_detections, draw_result, draw_views, viewer_frame
from mmroi.apis.inference.results import FrameResult, frame_arrays, frame_dict
from mmroi.apis.inference.video_writer import VideoWriter
from mmroi.body_models import SMPL
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.npz_io import write_npz
from mmroi.fileio.output_folders import check_folder
from mmroi.utils.choices import MESHES, MOTIONS, SAVES, VIEWER_FRAMES
from mmroi.visualization import save_meshes
from mmroi.visualization.viewer import ViewerFrame, write_viewer

DEFAULT_SAVES = ('json', 'overlay', 'views', 'glb', 'viewer')
# A mesh file takes 0.25 MB per person, too much to write for every frame by default.
DEFAULT_SAVES_OF_VIDEOS = ('json', 'overlay', 'viewer')
_KINDS = dict(predictions='json', overlays='overlay')  # of the folders that may lie elsewhere
IMAGE_SIZE, VIEWER_IMAGE_SIZE = 1920, 1280  # long side, pixels
JPEG_QUALITY = 92
_MAX_JPEG_SIDE = 65000  # pixels, which the format limits


class ResultWriter:
    """Writes results to files; a context manager.

    Writes ``predictions/<name>.json`` and ``.npz`` (``vertices``: an npz that includes the meshes),
    ``overlays/<name>.jpg`` and ``keypoints/<name>.jpg`` (for a video ``<video>.mp4``), ``views/<name>.jpg``,
    ``meshes/<name>.glb`` (``.obj``, ``.ply``), for each person of a video or image
    ``animations/<video>_person_<id>.glb`` (``anim``), ``.bvh`` and ``.npz`` (``smpl``), and at the end
    ``coco/keypoints.json``, ``coco/images.json`` and ``viewer.html`` of the whole run. Frames without people
    have no views and meshes and are not in the viewer.

    Files of results that were restored from an earlier run are kept where they exist.

    Args:
        out_dir: Output folder; created if missing. None if ``folders`` say where each kind belongs.
        body_model: The body that posed the people.
        saves: Names of ``SAVES``; None for ``DEFAULT_SAVES``, or ``DEFAULT_SAVES_OF_VIDEOS`` for frames of
            videos, without mesh files if trimesh is not installed; without ``out_dir`` the kinds of
            ``folders``, which are then the only ones.
        viewer_frames: Maximum number of frames in the viewer, spread evenly over the run; None for
            ``VIEWER_FRAMES``.
        folders: Other folders for ``predictions`` and ``overlays``.

    Raises:
        ValueError: If a name in ``saves`` is unknown or needs trimesh, which is not installed; or
            ``viewer_frames`` is not positive, or has no effect because there is no viewer.
        WriteError: If nothing can be written into the folder.
    """

    def __init__(
        self,
        out_dir: str | Path | None,
        body_model: SMPL,
        saves: Sequence[str] | None = None,
        viewer_frames: int | None = None,
        folders: Mapping[str, Path] | None = None,
    ) -> None:
        folders = dict(folders or {})
        if out_dir is None:
            kinds = [_KINDS[folder] for folder in folders]
            if saves is not None:
                raise ValueError(
                    f'save (--save) needs out_dir: without it only {" and ".join(kinds)} is written'
                )
            saves = kinds
        if viewer_frames is not None and saves is not None and 'viewer' not in saves:
            raise ValueError(
                'viewer_frames (--viewer-frames) has no effect: save (--save) does not name viewer; add it, '
                'or leave the option out'
            )
        unknown = sorted(set(saves or ()) - set(SAVES))
        if unknown:
            raise ValueError(f'save: unknown {", ".join(unknown)}; choose from {", ".join(SAVES)}')
        self._left_out: tuple[str, ...] = ()
        if find_spec('trimesh') is None:  # said before the network runs
            if meshes := sorted(set(saves or ()) & set(MESHES)):
                raise ValueError(f'save: {" and ".join(meshes)} need trimesh: pip install trimesh')
            self._left_out = MESHES
            if saves is None:
                print_log('no glb files are written, which need trimesh: pip install trimesh', 'current')
        self.out_dir = Path(out_dir) if out_dir else next(iter(folders.values()))
        for folder in (self.out_dir, *folders.values()):
            check_folder(folder, '--out-dir')
        self._folders = folders
        self._body_name = body_model.name
        self._faces = body_model.faces
        self._skinning_weights = body_model.skinning_weights.cpu().numpy()
        self._saves = saves
        self._viewer = _EvenlySpread(VIEWER_FRAMES if viewer_frames is None else viewer_frames)
        self._videos: dict[str, VideoWriter] = {}  # by folder
        self._motions = MotionWriter(self.out_dir, body_model)
        self._coco = CocoWriter(self.out_dir)

    def __enter__(self) -> 'ResultWriter':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except OSError:
            if not isinstance(error, OSError):  # else a full disk is reported by the first file that met it
                raise

    def write(self, result: FrameResult) -> None:
        """Write the files of one frame.

        Args:
            result: Result for the frame.

        Raises:
            OSError: If a file cannot be written.
        """
        frame, saves = result.frame, self._saves_for(result.frame)
        if 'json' in saves:
            self._write(
                'predictions',
                result,
                '.json',
                lambda: json.dumps(frame_dict(result), allow_nan=False).encode(),
            )
        if 'npz' in saves or 'vertices' in saves:
            write_npz(self._path('predictions', frame, '.npz'), frame_arrays(result, 'vertices' in saves))
        if 'overlay' in saves:
            self._write_image('overlays', result, lambda: draw_result(result, self._faces, IMAGE_SIZE))
        if 'keypoints' in saves:
            self._write_image('keypoints', result, lambda: draw_detections(result, IMAGE_SIZE))
        if 'coco' in saves:
            self._coco.add(result)
        if motions := [kind for kind in (*MOTIONS, VIEWER) if kind in saves]:
            self._motions.add(result, motions)
        if not result.samples:
            return
        if 'views' in saves:
            self._write('views', result, '.jpg', lambda: _jpeg(draw_views(result, self._faces)))
        for suffix in MESHES:
            if suffix in saves:
                path = self._path('meshes', frame, f'.{suffix}')
                path.parent.mkdir(exist_ok=True)
                if not (result.restored and path.is_file()):
                    save_meshes(
                        path, result.vertices, self._faces, ids=result.ids, body_model=self._body_name
                    )
        if 'viewer' in saves:
            self._viewer.offer(
                lambda: viewer_frame(result, self._faces, VIEWER_IMAGE_SIZE, self._skinning_weights)
            )

    def close(self) -> None:
        """Finish the videos and write animations and the viewer.

        Raises:
            OSError: If a file cannot be written; the others are written all the same.
        """
        errors: list[OSError] = []
        steps: list[Callable[[], object]] = [partial(self._close_video, folder) for folder in self._videos]
        steps += [self._motions.close, self._coco.close, self._write_viewer]
        for finish in steps:
            try:
                finish()
            except OSError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _write_viewer(self) -> None:
        if self._viewer.kept:
            write_viewer(self.out_dir / 'viewer.html', self._viewer.kept, sequences=self._motions.sequences)

    def _saves_for(self, frame: Frame) -> Sequence[str]:
        if self._saves is not None:
            return self._saves
        saves = DEFAULT_SAVES if frame.video is None else DEFAULT_SAVES_OF_VIDEOS
        return [kind for kind in saves if kind not in self._left_out]

    def _path(self, folder: str, frame: Frame, suffix: str) -> Path:
        # Not with_suffix: a name may contain a dot.
        return self._folder(folder) / f'{frame.name}{suffix}'

    def _folder(self, name: str) -> Path:
        return self._folders.get(name, self.out_dir / name)

    def _write(self, folder: str, result: FrameResult, suffix: str, make: Callable[[], bytes]) -> None:
        path = self._path(folder, result.frame, suffix)
        if result.restored and path.is_file():
            return
        with atomic_write(path) as temporary:
            temporary.write_bytes(make())

    def _write_image(self, folder: str, result: FrameResult, draw: Callable[[], np.ndarray]) -> None:
        frame = result.frame
        if frame.video is None:
            self._write(folder, result, '.jpg', lambda: _jpeg(draw()))
            return
        path = self._folder(folder) / f'{frame.video}.mp4'
        if result.restored and path.is_file():  # appears when a video is complete
            return
        if folder in self._videos and self._videos[folder].path != path:
            self._close_video(folder)
        if folder not in self._videos:
            sound = Path(frame.source) if frame.has_sound else None
            self._videos[folder] = VideoWriter(path, frame.fps, sound)
        self._videos[folder].add(draw(), frame.time, frame.duration)

    def _close_video(self, folder: str) -> None:
        self._videos.pop(folder).close()


class _EvenlySpread:
    """Keeps at most ``limit`` evenly spread items of a stream; drops every other one when it is full."""

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


def _jpeg(image: np.ndarray) -> bytes:
    if (shrink := max(image.shape[:2]) / _MAX_JPEG_SIDE) > 1:  # views of an image that is a thin line
        size = [max(1, int(side / shrink)) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
