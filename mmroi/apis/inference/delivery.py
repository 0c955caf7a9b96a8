"""Where the results of a run go, one by one: files, a window, a progress bar."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference.detectors import PeopleFinder
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.given_people import GivenPeople
from mmroi.apis.inference.inputs import Inputs
from mmroi.apis.inference.outputs import ResultWriter
from mmroi.apis.inference.pictures import draw_result
from mmroi.apis.inference.results import FrameResult
from mmroi.apis.inference.run_record import RunRecord
from mmroi.apis.inference.window import SIZE, Window
from mmroi.body_models import SMPL
from mmroi.fileio.output_folders import own_folder
from mmroi.utils import ProgressBar


@dataclass
class Delivery:
    """The receivers of the results; each may be None.

    Attributes:
        faces: Triangles of the body, (F, 3).
        writer: Writes files.
        record: Of the output folder.
        window: Shows drawings.
        show_progress: Show a progress bar if standard error is a terminal.
    """

    faces: np.ndarray
    writer: ResultWriter | None = None
    record: RunRecord | None = None
    window: Window | None = None
    show_progress: bool = True
    _video: str | None = field(default=None, init=False)
    _sources: set[str] = field(default_factory=set, init=False)
    _broken: set[str] = field(default_factory=set, init=False)
    _reserved: ExitStack = field(default_factory=ExitStack, init=False)

    @classmethod
    def open(
        cls,
        body: SMPL,
        crop_size: tuple[int, int],
        settings: Callable[[], dict[str, Any]],
        out_dir: str | Path | None,
        save: Sequence[str] | None,
        viewer_frames: int | None,
        overwrite: bool,
        pred_out_dir: str | Path | None,
        vis_out_dir: str | Path | None,
        show: bool,
        wait_time: float,
        show_progress: bool,
    ) -> 'Delivery':
        """Open the receivers that the options of ``MultiRoIInferencer.stream`` ask for.

        Args:
            body: The body model.
            crop_size: Height and width of the crops.
            settings: Returns what the results depend on, for :class:`RunRecord`.
            out_dir: As for ``stream``, like all others.
            save: Kinds of files.
            viewer_frames: Maximum number of frames in the viewer.
            overwrite: Remove the results of earlier runs first.
            pred_out_dir: Folder of the JSON files.
            vis_out_dir: Folder of the images with meshes.
            show: Show the results in a window.
            wait_time: Seconds for which an image is shown.
            show_progress: Show a progress bar.

        Returns:
            The receivers.

        Raises:
            BadInputError: An option has no effect, the folder has results of other settings, or there is no
                display.
            RuntimeError: Another run writes into ``out_dir``.
            ValueError: As :class:`.ResultWriter`.
            WriteError: Nothing can be written into a folder.
        """
        given = dict(predictions=pred_out_dir, overlays=vis_out_dir)
        folders = {name: Path(path) for name, path in given.items() if path is not None}
        no_files = out_dir is None and not folders
        for name, value in dict(save=save, viewer_frames=viewer_frames).items():
            if value is not None and no_files:
                raise BadInputError(f'{name} has no effect: no files are written; give out_dir')
        if overwrite and out_dir is None:
            raise BadInputError('overwrite has no effect without out_dir; give it, or leave overwrite out')
        if wait_time and not show:
            raise BadInputError('wait_time has no effect without show=True; give it, or leave wait_time out')
        delivery = cls(body.faces, show_progress=show_progress)
        delivery.window = Window(wait_time) if show else None
        with ExitStack() as stack:
            if out_dir is not None:
                stack.enter_context(own_folder(out_dir, '--out-dir'))
                delivery.record = RunRecord(out_dir, settings(), body, crop_size, overwrite)
            if not no_files:
                delivery.writer = ResultWriter(out_dir, body, save, viewer_frames, folders)
            delivery._reserved = stack.pop_all()
        return delivery

    def restore(self, frame: Frame, given: PeopleFinder | None = None) -> FrameResult | None:
        """Return the result of a frame from an earlier run, see :meth:`.RunRecord.restore`.

        Args:
            frame: The frame.
            given: What finds the people unless a detector does; boxes of the user must be the same.
        """
        if self.record is None:
            return None
        if not isinstance(given, GivenPeople):
            return self.record.restore(frame)
        return self.record.restore(frame, lambda one: given([one])[0])

    def __call__(
        self, results: Iterator[FrameResult | BadInput], inputs: Inputs
    ) -> Generator[FrameResult | BadInput, None, None]:
        """Pass results on, and give each to the receivers before.

        Args:
            results: In the order of the inputs.
            inputs: What they are of.

        Yields:
            The same results, until the window is closed.

        Raises:
            OSError: If a file cannot be written.
        """
        with self._reserved as stack:
            if self.window:
                stack.enter_context(closing(self.window))
            if self.writer:
                stack.enter_context(self.writer)
            disable = None if self.show_progress else True
            bar = stack.enter_context(ProgressBar(inputs.num_frames, 'images', disable=disable))
            people = failed = 0
            for result in results:
                if isinstance(result, BadInput):
                    failed += 1
                else:
                    people += len(result.samples)
                    if self.writer:
                        self.writer.write(result)
                self._note(result)
                bar.advance(status=f'{people} people, {failed} failed')
                yield result
                if self.window and isinstance(result, FrameResult):
                    if not self.window.show(draw_result(result, self.faces, SIZE), result.frame):
                        return
            self._note(None)

    def _note(self, result: FrameResult | BadInput | None) -> None:
        """Follow which video is being delivered, and note those that are complete."""
        if isinstance(result, BadInput):
            self._broken.add(result.source)
            return
        video = result.frame.video if result else None
        if self._video is not None and self._video != video and self.record:
            # Where frames are files of their own, others may follow in another run.
            if len(self._sources) == 1 and not self._sources & self._broken:
                self.record.finish(self._video, *self._sources)
        if video != self._video:
            self._video, self._sources = video, set()
        if result:
            self._sources.add(result.frame.source)
