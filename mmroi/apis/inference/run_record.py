"""What an output folder was made with, so that a second run continues the first and never mixes settings."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.people import People
from mmroi.apis.inference.restoring import read_result
from mmroi.apis.inference.results import DECIMALS, FrameResult
from mmroi.body_models import SMPL
from mmroi.fileio.atomic import atomic_write

FILE = 'run.json'
# what ResultWriter writes, by folder
_WRITTEN = {
    '.': ('viewer.html', FILE),
    'predictions': ('*.json', '*.npz'),
    'overlays': ('*.jpg', '*.mp4'),
    'keypoints': ('*.jpg', '*.mp4'),
    'views': ('*.jpg',),
    'meshes': ('*.glb', '*.obj', '*.mtl', '*.ply'),
    'animations': ('*.glb', '*.bvh', '*.npz'),
    'coco': ('keypoints.json', 'images.json'),
}
_SHOWN = 60  # letters of a setting in a message


class RunRecord:
    """The file ``run.json`` of an output folder: the settings of its results, and which videos are complete.

    Results of another run with the same settings are restored from their JSON files instead of computed.

    Args:
        out_dir: Output folder; created if missing.
        settings: What the results depend on, beside the images; JSON values by name.
        body_model: The body that poses the people.
        crop_size: Height and width of the crops.
        overwrite: Remove the results of earlier runs first.

    Raises:
        BadInputError: The folder has results of other settings, or of unknown ones.
        OSError: The folder cannot be created or written.
    """

    def __init__(
        self,
        out_dir: str | Path,
        settings: dict[str, Any],
        body_model: SMPL,
        crop_size: tuple[int, int],
        overwrite: bool = False,
    ) -> None:
        self._path = Path(out_dir, FILE)
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._body, self._crop_size = body_model, crop_size
        if overwrite:
            _remove_results(self._path.parent)
        self._videos: dict[str, str] = self._read()
        self._write()

    def restore(
        self, frame: Frame, find_given: Callable[[Frame], People] | None = None
    ) -> FrameResult | None:
        """Read the result of a frame from an earlier run.

        Args:
            frame: A frame of an image file, or of a video file that is complete.
            find_given: Gives the boxes of the user, which must be those of the result.

        Returns:
            The result; None if there is none, or the image or the boxes have changed.
        """
        path = self._path.parent / 'predictions' / f'{frame.name}.json'
        with suppress(OSError):
            if frame.video is not None and self._videos.get(frame.video) != frame.source:
                return None
            if path.stat().st_mtime <= Path(frame.source).stat().st_mtime:
                return None
            result = read_result(path, frame, self._body, self._crop_size)
            if result is None or find_given is None or _same_boxes(result, find_given(frame)):
                return result
        return None

    def finish(self, video: str, source: str) -> None:
        """Note that all frames of a video file have been written.

        Args:
            video: Name of the video.
            source: The file.

        Raises:
            OSError: If the record cannot be written.
        """
        if self._videos.get(video) != source:
            self._videos[video] = source
            self._write()

    def _read(self) -> dict[str, str]:
        folder = self._path.parent
        remedy = 'replace them (--overwrite), or write to another folder (--out-dir)'
        try:
            found = json.loads(self._path.read_bytes())
            settings, videos = dict(found['settings']), dict(found['videos'])
        except FileNotFoundError:
            if any((folder / 'predictions').glob('*.json')):
                raise BadInputError(
                    f'{folder} has results of a run of unknown settings ({FILE} is missing); {remedy}'
                ) from None
            return {}
        except (ValueError, KeyError, TypeError):
            raise BadInputError(
                f'{self._path} is damaged, so that its results cannot be used; {remedy}'
            ) from None
        other = [
            name for name in {**settings, **self._settings} if settings.get(name) != self._settings.get(name)
        ]
        if other:
            differences = ', '.join(
                f'{name} was {_shown(settings.get(name))} and is {_shown(self._settings.get(name))}'
                for name in other
            )
            raise BadInputError(f'{folder} has results of other settings ({differences}); {remedy}')
        return videos

    def _write(self) -> None:
        content = dict(settings=self._settings, videos=self._videos)
        with atomic_write(self._path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding='utf-8')


def _same_boxes(result: FrameResult, people: People) -> bool:
    found = np.reshape([sample.bbox for sample in result.samples], (-1, 4))
    return found.shape == people.bboxes.shape and bool(
        np.abs(found - people.bboxes).max(initial=0) <= 10.0**-DECIMALS
    )


def _remove_results(folder: Path) -> None:
    for name, patterns in _WRITTEN.items():
        for path in [path for pattern in patterns for path in (folder / name).glob(pattern)]:
            path.unlink()
        if name != '.':
            with suppress(OSError):  # other files are in it, or it does not exist
                (folder / name).rmdir()


def _shown(setting: Any) -> str:
    text = json.dumps(setting)
    return text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'
