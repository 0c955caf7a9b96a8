"""Results of the inferencer for a frame, as arrays and as JSON, and counts over a run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.geometry import matrix_to_axis_angle, project
from mmroi.models.refiners import REFINED, BodyState
from mmroi.structures import COCO_17, SMPL_54, HMRDataSample

REMEDIES = (
    'to find more people: lower --det-score, raise --det-size, take another detector (--det-model rtmdet-m), '
    'or give boxes (--bboxes, or --whole-image for one person who fills the image)'
)
SCHEMA_VERSION = '1.2'  # of the JSON, described by predictions.schema.json
DECIMALS = 6  # of numbers in JSON: micrometers, and millionths of radians and pixels
_REFINEMENT = 'refinement'
EXTRINSICS = np.eye(4)  # from the world to the camera: results are in the camera frame


@dataclass(frozen=True)
class Estimate:
    """What refinement found for one person in one frame.

    Attributes:
        state: The body, N = 1.
        information: (D, D) inverse covariance of a step from it.
    """

    state: BodyState
    information: Tensor


@dataclass(frozen=True)
class FrameResult:
    """The people of one frame.

    Attributes:
        frame: The frame.
        samples: One sample per person as in ``tools/test.py``, on the CPU. Metainfo are also ``track_id``,
            ``bbox`` (4,) xyxy in pixels, ``bbox_score``, ``focal_length_from`` (``given``, ``EXIF`` or
            ``estimated``), ``det_keypoints`` (17, 3) if the detector finds them and ``keypoints`` (54, 3) if
            they are given, see ``People``, and ``refinement`` if there was one, see ``refine_samples``.
        problems: Boxes that were given for the frame and could not be used.
        estimates: What refinement found for each sample, until a window of frames is refined.
        body_model: Name of the body model, see :class:`.SMPL`.
        restored: The result was read from the files of an earlier run.
    """

    frame: Frame
    samples: list[HMRDataSample]
    problems: tuple[BadInput, ...] = ()
    estimates: Sequence[Estimate] = ()
    body_model: str = ''
    restored: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON file of the frame has, see :func:`frame_dict`."""
        return frame_dict(self)

    @property
    def ids(self) -> list[int]:
        """Identity of each person: constant over a video, counted from 0 in a single image."""
        return [sample.track_id for sample in self.samples]

    @property
    def vertices(self) -> np.ndarray:
        """Meshes in the camera frame, (P, V, 3) float32 meters."""
        return np.concatenate(
            [
                (sample.pred_instances.vertices + sample.pred_instances.camera_translation[:, None]).numpy()
                for sample in self.samples
            ]
            or [np.zeros((0, 0, 3), np.float32)]
        )

    @property
    def boxes(self) -> np.ndarray:
        """RoIs, (P, M, 3): center relative to the principal point and height, pixels."""
        return np.stack([sample.boxes for sample in self.samples]) if self.samples else np.zeros((0, 0, 3))

    @property
    def camera_translation(self) -> np.ndarray:
        """Translation of each person in the full camera, (P, 3) float32 meters; ``vertices`` have it."""
        return np.concatenate(
            [sample.pred_instances.camera_translation.numpy() for sample in self.samples]
            or [np.zeros((0, 3), np.float32)]
        )

    @property
    def full_cameras(self) -> np.ndarray:
        """Translation in the full camera by each RoI, (P, M, 3) float32 meters."""
        return np.concatenate(
            [sample.pred_instances.full_cameras.numpy() for sample in self.samples]
            or [np.zeros((0, 0, 3), np.float32)]
        )


def person_arrays(sample: HMRDataSample, vertices: bool = False) -> dict[str, np.ndarray]:
    """Return the predictions for one person.

    Args:
        sample: A sample of ``FrameResult``.
        vertices: Include the mesh.

    Returns:
        Arrays by name: ``track_id``; ``bbox`` (4,) xyxy and ``bbox_score``; ``boxes`` (M, 3), RoIs as center
        relative to the principal point and height, pixels; ``det_keypoints`` (17, 3) x, y in pixels and score
        in COCO's order, if the detector finds them; SMPL's ``global_orient`` (3,) and ``body_pose``
        (23, 3), axis-angle in radians, and ``betas`` (10,); ``joints3d`` (54, 3) and ``vertices`` (V, 3),
        meters; ``camera_translation`` (3,), SMPL's ``transl``, which moves them to the camera frame;
        ``joints_std`` (24,), if the network says how sure it is: the standard deviation of each coordinate of
        the first 24 of ``joints3d`` relative to Human3.6M's pelvis, meters;
        ``joints2d`` (54, 2), pixels of the image; ``local_cameras`` (M, 3) ``(s, t_x, t_y)`` and
        ``full_cameras`` (M, 3). With refinement also ``refinement_status``, a string, and what else
        ``refine_samples`` reports, with the same prefix.
    """
    predicted = sample.pred_instances
    pixels = project(predicted.joints3d, predicted.camera_translation, float(sample.focal_length))
    tensors = dict(
        global_orient=matrix_to_axis_angle(predicted.global_orient),
        body_pose=matrix_to_axis_angle(predicted.body_pose),
        betas=predicted.betas,
        camera_translation=predicted.camera_translation,
        joints3d=predicted.joints3d,
        joints2d=pixels + torch.as_tensor(sample.principal_point),
        local_cameras=predicted.local_cameras,
        full_cameras=predicted.full_cameras,
        **(dict(joints_std=predicted.joints_std) if 'joints_std' in predicted else {}),
        **(dict(vertices=predicted.vertices) if vertices else {}),
    )
    return dict(
        track_id=np.asarray(sample.track_id),
        bbox=np.asarray(sample.bbox),
        bbox_score=np.asarray(sample.bbox_score),
        boxes=np.asarray(sample.boxes),
        **({'det_keypoints': np.asarray(sample.det_keypoints)} if 'det_keypoints' in sample else {}),
        **{name: tensor[0].numpy() for name, tensor in tensors.items()},
        **{f'{_REFINEMENT}_{name}': value for name, value in _refinement(sample).items()},
    )


def is_finite(sample: HMRDataSample) -> bool:
    """Whether the mesh of a person and its place are numbers."""
    predicted = sample.pred_instances
    found = torch.isfinite(predicted.vertices).all() and torch.isfinite(predicted.camera_translation).all()
    return bool(found)


def _refinement(sample: HMRDataSample) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in sample.get(_REFINEMENT, {}).items()}


def camera_matrix(sample: HMRDataSample) -> np.ndarray:
    """Return the camera matrix of the image of a person.

    Args:
        sample: A sample of ``FrameResult``.

    Returns:
        (3, 3) float64, from the camera frame to pixels, whose centers lie at integers.
    """
    x, y = np.asarray(sample.principal_point, np.float64)
    focal_length = float(sample.focal_length)
    return np.array([[focal_length, 0, x], [0, focal_length, y], [0, 0, 1]])


def frame_arrays(result: FrameResult, vertices: bool = False) -> dict[str, np.ndarray]:
    """Return the predictions for all people of a frame, and its camera.

    Args:
        result: The frame.
        vertices: Include the meshes.

    Returns:
        The arrays of ``person_arrays`` with a leading dimension of P people, ``image_size`` (H, W),
        ``focal_length``, ``principal_point`` (2,) and ``K`` (3, 3) in pixels, ``extrinsics`` (4, 4), and the
        name of the ``body_model``; only ``image_size``, ``extrinsics`` and ``body_model`` if there is nobody.
    """
    size = dict(
        image_size=np.asarray(result.frame.image.shape[:2]),
        extrinsics=EXTRINSICS,
        body_model=np.asarray(result.body_model),
    )
    if not result.samples:
        return size
    people = [person_arrays(sample, vertices) for sample in result.samples]
    return dict(
        size,
        focal_length=np.asarray(result.samples[0].focal_length, np.float64),
        principal_point=np.asarray(result.samples[0].principal_point),
        K=camera_matrix(result.samples[0]),
        **{name: np.stack([person[name] for person in people]) for name in people[0]},
    )


def frame_dict(result: FrameResult) -> dict[str, Any]:
    """Return the predictions for all people of a frame as JSON types.

    Args:
        result: The frame.

    Returns:
        What ``predictions.schema.json`` describes: origin of the frame, its camera (None if there is nobody),
        the names of the 54 joints and of the 17 keypoints of ``det_keypoints``, and ``people``: the arrays of
        ``person_arrays`` without vertices.
    """
    frame, first = result.frame, result.samples[0] if result.samples else None
    return dict(
        schema_version=SCHEMA_VERSION,
        name=frame.name,
        source=frame.source,
        video=frame.video,
        index=frame.index,
        time=frame.time,
        fps=frame.fps,
        body_model=result.body_model,
        image_size=list(frame.image.shape[:2]),
        K=_plain(camera_matrix(first)) if first else None,
        extrinsics=_plain(EXTRINSICS),
        focal_length=_plain(first.focal_length) if first else None,
        focal_length_from=first.focal_length_from if first else None,
        principal_point=_plain(first.principal_point) if first else None,
        joint_names=list(SMPL_54),
        det_keypoint_names=list(COCO_17),
        people=[_person_dict(sample) for sample in result.samples],
    )


def _person_dict(sample: HMRDataSample) -> dict[str, Any]:
    arrays, refinement = person_arrays(sample), _refinement(sample)
    person = {name: _plain(arrays[name]) for name in arrays if not name.startswith(_REFINEMENT)}
    if refinement:
        person[_REFINEMENT] = {name: _nullable(value) for name, value in refinement.items()}
    return person


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.tolist() if array.dtype.kind in 'iu' else array.astype(np.float64).round(DECIMALS).tolist()


def _nullable(value: np.ndarray) -> Any:
    """Return a string, or numbers with None for what is unknown or infinite."""
    if value.dtype.kind != 'f':
        return value.tolist()
    numbers = np.where(np.isfinite(value), value.astype(np.float64).round(DECIMALS), np.nan).astype(object)
    numbers[~np.isfinite(value)] = None
    return numbers.tolist()


@dataclass
class RunSummary:
    """Counts of a run.

    Attributes:
        images: Number of images and frames that were read.
        people: Number of people found in them; a person counts once per frame.
        empty: Names of the frames without a person.
        problems: Given boxes that could not be used.
        failed: Inputs that could not be read.
        detected: People come from a detector, so that its options may help where there is nobody.
        refinement: Number of people by what refinement did with them; empty without refinement.
        kept: Frame, number and status of each person whose refinement was not taken.
        distances: Sums over refined people of the median distance of keypoints before and after, pixels.
        restored: Number of images that an earlier run has done.
    """

    images: int = 0
    people: int = 0
    empty: list[str] = field(default_factory=list)
    problems: list[BadInput] = field(default_factory=list)
    failed: list[BadInput] = field(default_factory=list)
    detected: bool = True
    refinement: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    distances: tuple[float, float] = (0.0, 0.0)
    restored: int = 0

    def add(self, result: FrameResult | BadInput) -> None:
        """Count one result.

        Args:
            result: What ``MultiRoIInferencer.stream`` yields.
        """
        if isinstance(result, BadInput):
            self.failed.append(result)
            return
        self.images += 1
        self.people += len(result.samples)
        self.restored += result.restored
        self.problems += result.problems
        for sample in result.samples:
            if 'refinement' in sample:
                self._add_refinement(result, sample)
        if not result.samples:
            self.empty.append(result.frame.name)

    def _add_refinement(self, result: FrameResult, sample: HMRDataSample) -> None:
        note = sample.refinement
        self.refinement[note['status']] += 1
        if note['status'] == REFINED:
            self.distances = self.distances[0] + note['before'], self.distances[1] + note['after']
        else:
            where = f'{result.frame.name}, person {sample.track_id}'
            off = '' if np.isnan(note['before']) else f', {note["before"]:.1f} pixels off'
            self.kept.append(f'{where}: {note["status"].removeprefix("kept: ")}{off}')

    @property
    def succeeded(self) -> bool:
        """Whether at least one frame was processed and no input failed.

        A frame without people is a valid result, unless all given boxes were unusable.
        """
        return self.images > 0 and not self.failed and not (self.problems and not self.people)

    def lines(self, listed: int = 10) -> Sequence[str]:
        """Format the summary.

        Args:
            listed: Maximum number of frames or boxes to list; failed inputs are all listed.

        Returns:
            Lines of text.
        """
        noun = 'image' if self.images == 1 else 'images'
        lines = [f'{self.people} {"person" if self.people == 1 else "people"} in {self.images} {noun}']
        if self.restored:
            lines.append(
                f'{self.restored} of {self.images} {noun} done before with the same settings, not run again; '
                '--overwrite runs all'
            )
        if self.refinement:
            counts = [f'{count} {status}' for status, count in self.refinement.most_common()]
            lines.append(f'refinement: {", ".join(counts)}')
            if count := self.refinement[REFINED]:
                before, after = (total / count for total in self.distances)
                lines.append(
                    f'median distance of keypoints, refined people: {before:.1f} -> {after:.1f} pixels'
                )
            lines += [f'as the network predicted: {who}' for who in self.kept[:listed]]
            if len(self.kept) > listed:
                lines.append(f'... and {len(self.kept) - listed} more as the network predicted')
        if self.empty:
            names = ', '.join(self.empty[:listed]) + (', ...' if len(self.empty) > listed else '')
            lines.append(f'no person found in {len(self.empty)} of them: {names}')
            lines += [REMEDIES] if self.detected else []
        lines += [f'box not used: {problem}' for problem in self.problems[:listed]]
        if len(self.problems) > listed:
            lines.append(f'... and {len(self.problems) - listed} more boxes not used')
        lines += [f'failed: {bad}' for bad in self.failed]
        return lines
