"""Pseudo-labels: SMPL parameters for images that have 2D keypoints only, by a network and refinement.

As EFT (Joo et al., 3DV 2021) and CLIFF's annotator (Li et al., ECCV 2022) do, without training the network.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference import BadInput, MultiRoIInferencer
from mmroi.apis.inference.given_keypoints import GivenKeypoints
from mmroi.apis.inference.results import person_arrays
from mmroi.apis.keypoint_evaluation import find_images
from mmroi.datasets.coco_keypoints import AnnotatedImage, AnnotatedKeypoints, read_coco_keypoints
from mmroi.datasets.converters.base import Converter, Part, Unit
from mmroi.models.refiners import REFINED
from mmroi.structures import SMPL_54, HMRDataSample

_IMAGES = 32  # of a unit: what an interruption loses
_FAR = 'keypoints farther from the fit than max_error'
_FEW = 'fewer keypoints than min_keypoints'


@dataclass(frozen=True)
class KeypointFitting(Converter):
    """Makes annotations of a COCO keypoint file and its images.

    Args:
        root: Folder of the images.
        keypoints: The file.
        model: Config, or name of a model in ``model-index.yml``; by default the shipped one.
        weights: Checkpoint; by default the model's own.
        device: Device; by default the accelerator if there is one.
        body_model: SMPL's folder or file, or ``open``; by default the model's.
        max_error: Largest mean distance of keypoints from the fitted joints, as a fraction of the longer side
            of the box; people above it are left out.
        min_keypoints: People with fewer keypoints are left out.
        skip_missing: Leave out images that are missing, damaged or of another size than the file says.
        refiner: Options of :class:`mmroi.models.KeypointRefiner`.
    """

    keypoints: Path = Path()
    model: str | None = None
    weights: str | None = None
    device: str | None = None
    body_model: str | None = None
    max_error: float = 0.06
    min_keypoints: int = 8
    skip_missing: bool = False
    refiner: dict[str, Any] = field(default_factory=dict)

    keypoints2d_convention = 'smpl_54'
    parallel = False  # one network

    def output_name(self, split: str) -> str:
        """Return the name of the keypoint file."""
        return f'{self.keypoints.stem}_fitted'

    def units(self, split: str) -> Sequence[Unit]:
        """List groups of images."""
        images = self._annotations.images
        starts = range(0, len(images), _IMAGES)
        return [Unit(f'images {i} to {min(i + _IMAGES, len(images)) - 1}', i) for i in starts]

    def read(self, split: str, unit: Unit) -> Part:
        """Fit the people of a group of images."""
        images = self._annotations.images[unit.data : unit.data + _IMAGES]
        # What is left out of the file as a whole is counted once.
        left_out = Counter(self._annotations.skipped if unit.data == 0 else {})
        people: list[dict[str, Any]] = []
        paths = [image.path for image in images]
        results = self._inferencer.stream(paths, keypoints=self._people)
        for image, result in zip(images, results, strict=True):
            if isinstance(result, BadInput):
                raise ValueError(str(result))
            for sample in result.samples:
                row = self._row(image, sample)
                if isinstance(row, str):
                    left_out[row] += 1
                else:
                    people.append(row)
        if people:
            return Part({name: np.stack([row[name] for row in people]) for name in people[0]}, left_out)
        return Part(_NOBODY, left_out)

    def _row(self, image: AnnotatedImage, sample: HMRDataSample) -> dict[str, Any] | str:
        """Annotations of a person, or why there are none."""
        status = sample.refinement['status']
        if status != REFINED:
            return str(status)
        fit, bbox = person_arrays(sample), np.asarray(sample.bbox, np.float64)
        seen = ~np.isnan(sample.refinement['distances'])  # those that refinement used
        if seen.sum() < self.min_keypoints:
            return _FEW
        distances = np.linalg.norm(fit['joints2d'][seen] - sample.keypoints[seen, :2], axis=1)
        error = float(distances.mean() / (bbox[2:] - bbox[:2]).max())
        if error > self.max_error:
            return _FAR
        return dict(
            image_path=np.array(image.file_name),
            bbox_xywh=np.concatenate([bbox[:2], bbox[2:] - bbox[:2]]),
            keypoints2d=np.asarray(sample.keypoints, np.float64),
            global_orient=fit['global_orient'],
            body_pose=fit['body_pose'],
            betas=fit['betas'],
            transl=fit['camera_translation'],
            focal_length=np.array(float(sample.focal_length)),
            principal_point=np.asarray(sample.principal_point, np.float64),
            fit_error=np.array(error),
            fit_keypoints=np.array(int(seen.sum())),
        )

    @cached_property
    def _annotations(self) -> AnnotatedKeypoints:
        annotations = read_coco_keypoints(self.keypoints, skip_unknown=True)
        return find_images(annotations, self.root, self.skip_missing)

    @cached_property
    def _people(self) -> GivenKeypoints:
        return GivenKeypoints(self.keypoints, only_annotated=True)

    @cached_property
    def _inferencer(self) -> MultiRoIInferencer:
        return MultiRoIInferencer(
            self.model,
            self.weights,
            device=self.device,
            show_progress=False,
            body_model=self.body_model,
            refiner=dict(self.refiner) or True,
        )


_NOBODY = dict(
    image_path=np.zeros(0, '<U1'),
    bbox_xywh=np.zeros((0, 4)),
    keypoints2d=np.zeros((0, len(SMPL_54), 3)),
    global_orient=np.zeros((0, 3)),
    body_pose=np.zeros((0, 23, 3)),
    betas=np.zeros((0, 10)),
    transl=np.zeros((0, 3)),
    focal_length=np.zeros(0),
    principal_point=np.zeros((0, 2)),
    fit_error=np.zeros(0),
    fit_keypoints=np.zeros(0, int),
)
