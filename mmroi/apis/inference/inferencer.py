"""``MultiRoIInferencer``: photos and videos to meshes, cameras and pictures."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer
from torch import nn

from mmroi.apis.inference.crops import build_crop_pipeline
from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.apis.inference.grouping import group_frames
from mmroi.apis.inference.inputs import Inputs, InputsType, open_inputs
from mmroi.apis.inference.motion import Motion, Smoother, Tracker
from mmroi.apis.inference.outputs import ResultWriter
from mmroi.apis.inference.people import DetectedPeople, GivenPeople, People, WholeImage
from mmroi.apis.inference.pictures import draw_result
from mmroi.apis.inference.predictions import picture_dict
from mmroi.apis.inference.progress import PictureProgress
from mmroi.apis.inference.results import FrameResult
from mmroi.apis.inference.smoothing import OneEuro
from mmroi.apis.inference.tracking import IoUTracker
from mmroi.apis.init_model import init_model
from mmroi.apis.model_index import find_model, read_model_index
from mmroi.registry import INFERENCERS
from mmroi.structures import HMRDataSample

DEFAULT_MODEL = 'multi-roi_r18_synthetic'

PeopleFinder = Callable[[Sequence[Frame]], list[People]]


@INFERENCERS.register_module()
class MultiRoIInferencer(BaseInferencer):
    """From photos, videos or a webcam to SMPL meshes and cameras of all people.

    People are cut out by the test pipeline of the config, and run through the network in batches that reach
    over frames; videos are streamed.

    Args:
        model: Config file, ``Config`` or its dict, or name in ``model-index.yml``; by default the shipped one.
        weights: Checkpoint; by default the one that the index names for the model.
        det_model: Detector, see ``DetectedPeople``; loaded when it is first needed.
        det_weights: Its weights.
        det_score_thr: Persons that the detector gives a lower score are left away.
        device: Such as ``cuda:0`` or ``cpu``; by default the best there is.
        box_scale: Enlargement of the people's boxes, see ``build_crop_pipeline``.
        show_progress: Show a progress bar where standard error is a terminal.
        body_model: SMPL's folder or file, or ``open`` for the open body; by default what the config names.

    Raises:
        FileNotFoundError: If a file is absent, the name is unknown, or the index names no weights for it.
        ValueError: If the checkpoint is unreadable or belongs to another config.
    """

    def __init__(
        self,
        model: str | Path | Config | dict | None = None,
        weights: str | Path | None = None,
        det_model: str | None = None,
        det_weights: str | Path | None = None,
        det_score_thr: float = 0.5,
        device: str | None = None,
        box_scale: float | None = None,
        show_progress: bool = True,
        body_model: str | None = None,
    ) -> None:
        self._box_scale, self._body_model = box_scale, body_model
        named = dict(model=det_model) if det_model else {}
        self._det_options: dict[str, Any] = dict(named, weights=det_weights, score_thr=det_score_thr)
        self._detector: PeopleFinder | None = None
        if isinstance(model, dict):
            model = Config(model)
        model = str(model) if isinstance(model, Path) else model or DEFAULT_MODEL
        super().__init__(model, str(weights) if weights else None, device, 'mmroi', show_progress)
        self.device = next(self.model.parameters()).device

    def __call__(  # type: ignore[override]
        self,
        inputs: InputsType,
        return_datasamples: bool = True,
        return_vis: bool = False,
        **options: Any,
    ) -> dict[str, list]:
        """Run all inputs and gathers what is found; for long videos take ``stream``, which gathers nothing.

        Args:
            inputs: As ``stream``.
            return_datasamples: Give the samples of ``FrameResult``, else the content of the JSON files.
            return_vis: Also give the meshes on the photos.
            **options: As ``stream``.

        Returns:
            ``predictions``: one list of ``HMRDataSample`` per picture, or one dict; ``visualization``: with
            ``return_vis`` one BGR picture each, else empty; ``failed``: ``BadInput`` for what could not be read.

        Raises:
            BadInputError: As ``stream``.
        """
        predictions, visualization, failed = [], [], []
        for result in self.stream(inputs, **options):
            if isinstance(result, BadInput):
                failed.append(result)
                continue
            predictions.append(result.samples if return_datasamples else picture_dict(result))
            if return_vis:
                visualization += self.visualize([result])
        return self.postprocess(predictions, visualization, failed=failed)

    def stream(
        self,
        inputs: InputsType,
        bboxes: Any = None,
        whole_image: bool = False,
        batch_size: int = 16,
        focal_length: float | None = None,
        smooth: bool | Callable[[], Smoother] = False,
        tracker: Callable[[], Tracker] = IoUTracker,
        out_dir: str | Path | None = None,
        save: Sequence[str] | None = None,
        viewer_frames: int = 30,
    ) -> Iterator[FrameResult | BadInput]:
        """Run inputs frame by frame with constant memory.

        Args:
            inputs: Path of a photo, video or folder, glob, encoded bytes, BGR array, webcam number, or a list
                of these.
            bboxes: Tight boxes of the people instead of a detector: (P, 4) xyxy in pixels, or a JSON or COCO
                file, see ``GivenPeople``.
            whole_image: One person fills each picture; no detector is needed.
            batch_size: People that go through the network at a time.
            focal_length: Pixels, of all inputs. By default from a photo's EXIF, else its diagonal.
            smooth: Smooth videos with ``OneEuro``, or with what this callable makes for each video.
            tracker: Makes what gives people their identities in a video.
            out_dir: Folder for files, see ``ResultWriter``; none are written without it.
            save: Kinds of files, see ``ResultWriter``.
            viewer_frames: Most pictures in the viewer.

        Returns:
            What was found of each picture as soon as it is, and in its place the inputs that failed. Videos
            and the viewer are complete when it ends or is closed.

        Raises:
            BadInputError: If inputs, boxes or the detector's weights are absent or of no use.
            ValueError: If options contradict each other or are out of range.
        """
        if bboxes is not None and whole_image:
            raise ValueError('bboxes and whole_image exclude each other')
        if batch_size < 1:
            raise ValueError(f'batch_size must be positive, not {batch_size}')
        if focal_length is not None and not 0 < focal_length < float('inf'):
            raise ValueError(f'focal_length must be a positive number of pixels, not {focal_length}')
        frames = open_inputs(inputs)
        find_people = self._people_finder(bboxes, whole_image)
        make_smoother = (smooth if callable(smooth) else OneEuro) if smooth else None
        motion = Motion(self.model.body_model, tracker, make_smoother)
        writer = ResultWriter(out_dir, self.model.body_model.faces, save, viewer_frames) if out_dir else None
        # A webcam does not wait for a batch.
        groups = group_frames(frames, 1 if isinstance(inputs, int) else batch_size)
        results = (
            result
            for group in groups
            for result in self._infer(group, find_people, motion, batch_size, focal_length)
        )
        return self._deliver(results, writer, frames)

    def preprocess(  # type: ignore[override]
        self, inputs: Iterable[tuple[Frame, np.ndarray]], batch_size: int = 1, **kwargs: Any
    ) -> Iterator[dict]:
        """Cut people out.

        Args:
            inputs: Frames with the tight box xyxy of one person each.
            batch_size: People in a batch.
            **kwargs: ``focal_length`` of all frames in pixels.

        Yields:
            Batches for ``forward``.
        """
        rows = (self._row(frame, bbox, kwargs.get('focal_length')) for frame, bbox in inputs)
        yield from super().preprocess(rows, batch_size)

    def visualize(  # type: ignore[override]
        self, inputs: Sequence[FrameResult], preds: Any = None, max_size: int = 1920
    ) -> list[np.ndarray]:
        """Draw meshes on photos.

        Args:
            inputs: What ``stream`` yields.
            preds: Not needed.
            max_size: Of a picture's long side, pixels.

        Returns:
            BGR pictures.
        """
        return [draw_result(result, self.model.body_model.faces, max_size) for result in inputs]

    def postprocess(
        self,
        preds: list,
        visualization: list,
        return_datasample: bool = True,
        failed: Sequence[BadInput] = (),
    ) -> dict[str, list]:
        """Pack the results of a call.

        Args:
            preds: Of each picture.
            visualization: Of each picture, or empty.
            return_datasample: Not needed.
            failed: Inputs that failed.

        Returns:
            They by name.
        """
        return dict(predictions=preds, visualization=visualization, failed=list(failed))

    @staticmethod
    def list_models(scope: str | None = None, patterns: str = '') -> list[str]:
        """Names that the argument ``model`` takes.

        Args:
            scope: Not needed: only this project's models run.
            patterns: Part of the names.

        Returns:
            The names.
        """
        return [name for name in read_model_index() if patterns in name]

    def _load_model_from_metafile(self, model: str) -> tuple[Config, str | None]:
        found = find_model(model)
        return Config.fromfile(found.config), str(found.weights) if found.weights else None

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> nn.Module:
        if weights is None:
            raise FileNotFoundError(
                f'{cfg.filename or "the config"} comes without weights; name a checkpoint, such as one that '
                'you trained or converted (docs/model_zoo.md)'
            )
        return init_model(cfg, weights, device, body_model=self._body_model)

    def _init_pipeline(self, cfg: Config) -> Compose:
        return build_crop_pipeline(cfg, self._box_scale)

    def _init_collate(self, cfg: Config) -> Callable:
        return pseudo_collate  # the preprocessor of the model stacks

    def _init_visualizer(self, cfg: Config) -> None:
        return None  # pictures are drawn by functions; a visualizer of MMEngine opens files of a training

    def _people_finder(self, bboxes: Any, whole_image: bool) -> PeopleFinder:
        if whole_image:
            return WholeImage()
        if bboxes is not None:
            return GivenPeople(bboxes)
        self._detector = self._detector or DetectedPeople(**self._det_options, device=str(self.device))
        return self._detector

    def _row(self, frame: Frame, bbox: np.ndarray, focal_length: float | None) -> dict:
        x1, y1, x2, y2 = bbox
        return dict(
            img=frame.image,
            img_path=frame.source,
            bbox_xywh=np.array([x1, y1, x2 - x1, y2 - y1]),
            focal_length=focal_length or frame.focal_length,
            principal_point=None,
            dataset_name=frame.video or frame.name,
        )

    def _infer(
        self,
        group: Sequence[Frame | BadInput],
        find_people: PeopleFinder,
        motion: Motion,
        batch_size: int,
        focal_length: float | None,
    ) -> Iterator[FrameResult | BadInput]:
        frames = [item for item in group if isinstance(item, Frame)]
        people = find_people(frames) if frames else []
        pairs = [(frame, bbox) for frame, found in zip(frames, people, strict=True) for bbox in found.bboxes]
        batches = self.preprocess(pairs, batch_size, focal_length=focal_length)
        samples = iter([sample.cpu() for batch in batches for sample in self.forward(batch)])
        people_of_next = iter(people)
        for item in group:
            if isinstance(item, BadInput):
                yield item
                continue
            found = next(people_of_next)
            own = [next(samples) for _ in found.bboxes]
            origin = 'given' if focal_length else 'EXIF' if item.focal_length else 'estimated'
            for sample, bbox, score in zip(own, found.bboxes, found.scores, strict=True):
                _check_finite(sample, item)
                sample.set_metainfo(dict(bbox=bbox, bbox_score=float(score), focal_length_from=origin))
            motion(item, own)
            yield FrameResult(item, own, found.problems)

    def _deliver(
        self, results: Iterator[FrameResult | BadInput], writer: ResultWriter | None, inputs: Inputs
    ) -> Iterator[FrameResult | BadInput]:
        with ExitStack() as stack:
            if writer:
                stack.enter_context(writer)
            progress = stack.enter_context(PictureProgress(inputs.num_frames, self.show_progress))
            for result in results:
                if writer and isinstance(result, FrameResult):
                    writer.write(result)
                progress.add(result)
                yield result


def _check_finite(sample: HMRDataSample, frame: Frame) -> None:
    predicted = sample.pred_instances
    if not (torch.isfinite(predicted.vertices).all() and torch.isfinite(predicted.camera_translation).all()):
        raise ValueError(f'the network gives NaN or infinite numbers for {frame.source}; check its weights')
