"""``MultiRoIInferencer``: meshes and cameras of people in images and videos."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from torch import nn

from mmroi.apis.inference.delivery import Delivery
from mmroi.apis.inference.detectors import PeopleFinder, detector_name, make_detector
from mmroi.apis.inference.finders import find_given
from mmroi.apis.inference.frames import BadInput, Frame, group_frames
from mmroi.apis.inference.inputs import InputsType, open_inputs
from mmroi.apis.inference.pictures import draw_result
from mmroi.apis.inference.refinement import PeopleRefiner
from mmroi.apis.inference.results import Estimate, FrameResult, is_finite
from mmroi.apis.inference.settings import check_numbers, check_smoothing, describe
from mmroi.apis.inference.smoothing import Motion, OneEuro, Smoother, Tracker
from mmroi.apis.inference.tracking import IoUTracker
from mmroi.apis.init_model import init_model
from mmroi.apis.model_index import find_model, read_model_index
from mmroi.datasets.focal_lengths import question_focal_length
from mmroi.engine.amp import runs_in_bfloat16
from mmroi.engine.compilation import compile_network
from mmroi.engine.pipelines import expand_numbers, inference_pipeline, load_config, read_crops
from mmroi.fileio.state_dicts import fingerprint
from mmroi.models.estimators import MeshEstimator
from mmroi.models.refiners import KeypointRefiner
from mmroi.registry import INFERENCERS, TRANSFORMS
from mmroi.utils.choices import DEFAULT_MODEL

_NO_NUMBERS = 'NaN or infinite values'
_NOT_FINITE = f'gives {_NO_NUMBERS}; check its boxes and focal length'


@INFERENCERS.register_module()
class MultiRoIInferencer(BaseInferencer):
    """Predicts SMPL meshes and cameras of all people in images, videos or a webcam stream.

    People are cropped by the test pipeline of the config and batched across frames. Videos are streamed.

    Args:
        model: Config file, ``Config`` or its dict, or a name, see ``find_model``; by default the shipped one.
        weights: Checkpoint; by default the one that the index names for the model.
        det_model: Detector, see ``make_detector``; loaded when it is first needed.
        det_weights: Its weights.
        det_score_thr: Lowest score of a person; by default the detector's own, and none for given boxes.
        device: Device such as ``cuda:0`` or ``cpu``; by default the accelerator if there is one.
        box_scale: Enlargement of the tight boxes; by default that of the config's test pipeline.
        show_progress: Show a progress bar if standard error is a terminal.
        body_model: SMPL's folder or file, or ``open`` for the open body; by default the one in the config.
        det_size: Maximum long side of MoveNet's input, pixels, see ``MoveNetPeople``.
        refiner: Fit each person to 2D keypoints: True, or a ``KeypointRefiner`` or its config, which may also
            have ``keypoints`` and ``window`` of ``PeopleRefiner``.
        precision: ``fp32``, ``bf16`` or ``auto`` for the encoder, see ``runs_in_bfloat16``.
        cfg_options: Changes to the config, as of ``--cfg-options``.
        compile: Compile network and body model, see ``compile_network``: for long videos.

    Raises:
        FileNotFoundError: If a file, the name of the model, or weights for it are not found.
        ValueError: If the checkpoint cannot be read or does not fit, or an option cannot be used here.
    """

    def __init__(
        self,
        model: str | Path | Config | dict[str, Any] | None = None,
        weights: str | Path | None = None,
        det_model: str | None = None,
        det_weights: str | Path | None = None,
        det_score_thr: float | None = None,
        device: str | None = None,
        box_scale: float | None = None,
        show_progress: bool = True,
        body_model: str | None = None,
        det_size: int | None = None,
        refiner: bool | KeypointRefiner | dict[str, Any] | None = None,
        precision: str = 'fp32',
        cfg_options: dict[str, Any] | None = None,
        compile: bool = False,
    ) -> None:
        self._box_scale, self._body_model, self._cfg_options = box_scale, body_model, cfg_options
        self._det_options: dict[str, Any] = dict(
            model=det_model, weights=det_weights, score_thr=det_score_thr, size=det_size
        )
        self._detector: PeopleFinder | None = None
        if isinstance(model, dict):
            model = Config(model)
        model = str(model) if isinstance(model, Path) else model or DEFAULT_MODEL
        weights = weights or (find_model(model).weights if isinstance(model, str) else None)
        super().__init__(model, str(weights) if weights else None, device, 'mmroi', show_progress)
        self.device = next(self.model.parameters()).device
        self._bfloat16 = runs_in_bfloat16(precision, self.device)
        if compile:
            compile_network(self.model)
        self._refine: PeopleRefiner | None = None
        if refiner:
            config = None if refiner is True else refiner
            self._refine = PeopleRefiner(config, self.model.body_model, str(self.device))
        self._options = dict(precision=precision, refiner=describe(refiner or None))
        self._settings: dict[str, Any] = {}

    def __call__(
        self,
        inputs: InputsType,
        return_datasamples: bool = True,
        return_vis: bool = False,
        **options: Any,
    ) -> dict[str, list[Any]]:
        """Run all inputs and collect the results. For long videos use ``stream``, which collects nothing.

        Args:
            inputs: As for ``stream``.
            return_datasamples: Return the samples of ``FrameResult`` instead of plain dicts, which are the
                content of the JSON files.
            return_vis: Also return images with the meshes.
            **options: As for ``stream``.

        Returns:
            Dict with the keys ``predictions``: for each frame a list of ``HMRDataSample``, or a dict;
            ``visualization``: with ``return_vis`` a BGR image for each frame, else empty; ``failed``: a
            ``BadInput`` for each input that could not be read.

        Raises:
            BadInputError: As ``stream``.
        """
        predictions, visualization, failed = [], [], []
        for result in self.stream(inputs, **options):
            if isinstance(result, BadInput):
                failed.append(result)
                continue
            predictions.append(result.samples if return_datasamples else result.to_dict())
            if return_vis:
                visualization += self.visualize([result])
        return self.postprocess(predictions, visualization, failed=failed)

    def stream(
        self,
        inputs: InputsType,
        bboxes: Any = None,
        whole_image: bool = False,
        keypoints: str | Path | PeopleFinder | None = None,
        batch_size: int = 16,
        focal_length: float | None = None,
        smooth: bool | Callable[[], Smoother] = False,
        tracker: Callable[[], Tracker] = IoUTracker,
        out_dir: str | Path | None = None,
        save: Sequence[str] | None = None,
        viewer_frames: int | None = None,
        fps: float | None = None,
        overwrite: bool = False,
        show: bool = False,
        wait_time: float = 0,
        pred_out_dir: str | Path | None = None,
        vis_out_dir: str | Path | None = None,
    ) -> Generator[FrameResult | BadInput, None, None]:
        """Run inputs frame by frame with constant memory.

        The last four arguments are those of MMPose's inferencers.

        Args:
            inputs: Path or URL of an image or video, folder, glob, encoded bytes, image of Pillow, BGR array,
                webcam number, or a list of these.
            bboxes: Tight boxes of the people instead of a detector: (P, 4) xyxy in pixels for every input, a
                list of these, one for each input, or a JSON or COCO file, see ``GivenPeople``.
            whole_image: Assume one person who fills the image; needs no detector.
            keypoints: Boxes and keypoints of the people, for ``refiner``: a file in COCO's format, see
                ``GivenKeypoints``; a folder of MMPose's results, see ``MMPosePeople``; or such an object.
            batch_size: Number of people in a batch of the network.
            focal_length: Pixels, of all inputs. By default from EXIF, else the diagonal of the image.
            smooth: Smooth videos with ``OneEuro``, or with what this callable returns for each video.
            tracker: Returns the tracker for a video.
            out_dir: Output folder, see ``ResultWriter``; by default no files are written. Image and video
                files that an earlier run with the same settings has done are not run again; results of other
                settings are refused, see ``RunRecord``.
            save: Kinds of files, see ``ResultWriter``.
            viewer_frames: Maximum number of frames in the viewer.
            fps: Take the images of each folder as one video of this frame rate, see ``open_inputs``.
            overwrite: Remove the results of earlier runs from ``out_dir`` first.
            show: Show the meshes on the images in a window, see ``Window``.
            wait_time: Seconds for which an image is shown; 0 waits for a key.
            pred_out_dir: Folder of the JSON files, by default ``predictions`` in ``out_dir``.
            vis_out_dir: Folder of the images with meshes, by default ``overlays`` in ``out_dir``.

        Returns:
            Iterator over the results as soon as they are available, with a ``BadInput`` in place of each
            input that failed. Videos and the viewer are complete when it ends or is closed.

        Raises:
            BadInputError: If inputs, boxes or the detector's weights do not exist or cannot be used.
            ValueError: If options contradict each other or are out of range.
        """
        if keypoints is not None and self._refine is None:
            raise ValueError('keypoints are for refinement: give the inferencer refiner=True (--refine)')
        check_numbers(batch_size, focal_length)
        self._questioned = False
        frames = open_inputs(inputs, fps)
        over_time = self._refine.over_time if self._refine else None
        check_smoothing(bool(smooth), bool(over_time), frames.are_single_images)
        size, score_thr = read_crops(self.cfg).crop_size, self._det_options['score_thr']
        given = find_given(bboxes, whole_image, keypoints, score_thr, frames.names, size[1] / size[0])
        find_people = given or self._find_detector()
        if self._refine:
            self._refine.check_finder(find_people)
        make_smoother = (smooth if callable(smooth) else OneEuro) if smooth else None
        body = self.model.body_model
        motion = Motion(body, tracker, make_smoother)
        options = dict(
            people=type(given).__name__ if given else detector_name(**self._det_options),
            **dict(keypoints=keypoints, focal_length=focal_length, fps=fps, smooth=smooth, tracker=tracker),
        )
        files = out_dir, save, viewer_frames, overwrite, pred_out_dir, vis_out_dir
        settings = partial(self._describe, **options)
        deliver = Delivery.open(body, size, settings, *files, show, wait_time, self.show_progress)
        # A webcam does not wait for a batch.
        groups = group_frames(frames, 1 if isinstance(inputs, int) else batch_size)
        results: Iterator[FrameResult | BadInput] = (
            result
            for group in groups
            for result in self._infer(
                group, find_people, motion, batch_size, focal_length, partial(deliver.restore, given=given)
            )
        )
        return deliver(over_time(results) if over_time else results, frames)

    def preprocess(
        self, inputs: Iterable[tuple[Frame, np.ndarray]], batch_size: int = 1, **kwargs: Any
    ) -> Iterator[dict[str, Any]]:
        """Crop people.

        Args:
            inputs: Pairs of a frame and the tight xyxy box of a person.
            batch_size: Number of people in a batch.
            **kwargs: ``focal_length`` of all frames, pixels.

        Yields:
            Batches for ``forward``.
        """
        rows = (self._to_sample(frame, bbox, kwargs.get('focal_length')) for frame, bbox in inputs)
        yield from super().preprocess(rows, batch_size)

    def visualize(
        self, inputs: Sequence[FrameResult], preds: Any = None, max_size: int = 1920
    ) -> list[np.ndarray]:
        """Draw meshes on the images.

        Args:
            inputs: Results of ``stream``.
            preds: Unused.
            max_size: Maximum length of the long side, pixels; larger images are scaled down.

        Returns:
            BGR images.
        """
        return [draw_result(result, self.model.body_model.faces, max_size) for result in inputs]

    def postprocess(
        self,
        preds: list[Any],
        visualization: list[Any],
        return_datasample: bool = True,
        failed: Sequence[BadInput] = (),
    ) -> dict[str, list[Any]]:
        """Pack the results of a call.

        Args:
            preds: Predictions for each frame.
            visualization: Drawn image of each frame, or empty.
            return_datasample: Unused.
            failed: Inputs that failed.

        Returns:
            Dict with the keys ``predictions``, ``visualization`` and ``failed``.
        """
        return dict(predictions=preds, visualization=visualization, failed=list(failed))

    @staticmethod
    def list_models(scope: str | None = None, patterns: str = '') -> list[str]:
        """List the names for the argument ``model``.

        Args:
            scope: Unused: all models are of this project.
            patterns: Substring of the names.

        Returns:
            The names.
        """
        return [name for name in read_model_index() if patterns in name]

    def _load_model_from_metafile(self, model: str) -> tuple[Config, str | None]:
        found = find_model(model)
        return load_config(found.config), str(found.weights) if found.weights else None

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> nn.Module:
        if weights is None:
            raise FileNotFoundError(
                f'{cfg.filename or "the config"} has no weights; give a checkpoint, for example one that you '
                'trained or converted, as mmroi convert-checkpoint does'
            )
        return init_model(cfg, weights, device, self._cfg_options, self._body_model, fold_batch_norms=True)

    def _init_pipeline(self, cfg: Config) -> Compose:
        expand_numbers(cfg)
        return Compose([TRANSFORMS.build(step) for step in inference_pipeline(cfg, self._box_scale)])

    def _init_collate(self, cfg: Config) -> Callable[..., Any]:
        return pseudo_collate  # the data preprocessor of the model stacks

    def _init_visualizer(self, cfg: Config) -> None:
        return None  # functions draw; MMEngine's visualizers open the files of a training

    def _find_detector(self) -> PeopleFinder:
        self._detector = self._detector or make_detector(device=str(self.device), **self._det_options)
        return self._detector

    def _describe(self, **options: Any) -> dict[str, Any]:
        """Return what the results of a call depend on, as JSON values."""
        if not self._settings:
            body, unused = self.model.body_model, MeshEstimator.ONLY_IN_TRAINING
            state = self.model.state_dict()
            self._settings = dict(
                weights=fingerprint({n: state[n] for n in state if n.partition('.')[0] not in unused})[:16],
                body_model=f'{body.name} {body.digest}',
                pipeline=describe(inference_pipeline(self.cfg, self._box_scale)),
                det_score=self._det_options['score_thr'],
                det_size=self._det_options['size'],
                det_weights=describe(self._det_options['weights']),
                **self._options,
            )
        return {**self._settings, **describe(options)}

    def _to_sample(self, frame: Frame, bbox: np.ndarray, focal_length: float | None) -> dict[str, Any]:
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
        restore: Callable[[Frame], FrameResult | None],
    ) -> Iterator[FrameResult | BadInput]:
        frames = [item for item in group if isinstance(item, Frame)]
        done = {id(frame): result for frame in frames if (result := restore(frame))}
        frames = [frame for frame in frames if id(frame) not in done]
        people = find_people(frames) if frames else []
        pairs = [(frame, bbox) for frame, found in zip(frames, people, strict=True) for bbox in found.bboxes]
        batches = self.preprocess(pairs, batch_size, focal_length=focal_length)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            samples = [sample.cpu() for batch in batches for sample in self.forward(batch)]
        persons = [person for found in people for person in found.persons()]
        for sample, person in zip(samples, persons, strict=True):
            sample.set_metainfo(person)
        predicted = [(frame, sample) for (frame, _), sample in zip(pairs, samples, strict=True)]
        bad = {id(frame) for frame, sample in predicted if not is_finite(sample)}
        estimates: Sequence[Estimate] = ()
        if self._refine and (good := [pair for pair in predicted if id(pair[0]) not in bad]):
            estimates = self._refine([frame for frame, _ in good], [sample for _, sample in good])
        next_estimate = iter(estimates)
        next_sample, people_of_next = iter(samples), iter(people)
        for item in group:
            if isinstance(item, BadInput) or id(item) in done:
                yield item if isinstance(item, BadInput) else done[id(item)]
                continue
            found = next(people_of_next)
            own = [next(next_sample) for _ in found.bboxes]
            if focal_length and not self._questioned:
                if question := question_focal_length(focal_length, *item.image.shape[:2]):
                    print_log(f'{item.source}: {question}', 'current', logging.WARNING)
                    self._questioned = True
            if id(item) in bad:
                if not all(torch.isfinite(parameter).all() for parameter in self.model.parameters()):
                    raise ValueError(
                        f'the network predicts {_NO_NUMBERS} for {item.source}; check its weights'
                    )
                yield BadInput(item.source, _NOT_FINITE)
                continue
            origin = 'given' if focal_length else 'EXIF' if item.focal_length else 'estimated'
            for sample in own:
                sample.set_metainfo(dict(focal_length_from=origin))
            motion(item, own)
            estimates = list(islice(next_estimate, len(own)))
            yield FrameResult(item, own, found.problems, estimates, self.model.body_model.name)
