"""Run a model on the images of a keypoint file: predictions for each annotated person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmroi.apis.inference import BadInput, BadInputError, FrameResult, MultiRoIInferencer
from mmroi.apis.inference.results import person_arrays
from mmroi.apis.inference.tracking import match_boxes
from mmroi.datasets.coco_keypoints import AnnotatedImage, AnnotatedKeypoints
from mmroi.datasets.image_checks import image_size
from mmroi.datasets.row_checks import BadSampleError
from mmroi.evaluation import MeanPerson, PersonKeypoints
from mmroi.fileio.file_access import leads_out
from mmroi.structures import HMRDataSample
from mmroi.utils import track
from mmroi.utils.choices import MATCH_IOU


class PredictedPerson(NamedTuple):
    """An annotated person, and what was predicted.

    Attributes:
        keypoints: Annotated and predicted joints.
        number: Position of the person in ``result``; None if the person was not found.
        result: All people of the image.
    """

    keypoints: PersonKeypoints
    number: int | None
    result: FrameResult


def find_images(
    annotations: AnnotatedKeypoints, image_root: str | Path, skip_missing: bool = False
) -> AnnotatedKeypoints:
    """Check the images before a model runs.

    Args:
        annotations: Content of the file.
        image_root: Folder that the names in the file are relative to.
        skip_missing: Leave out images that are missing, damaged, or of another size than the file says.

    Returns:
        The images that can be used, with their ``path`` and ``size``. People whose box lies
        outside the image are left out; ``skipped`` counts what is.

    Raises:
        FileNotFoundError: If images are missing.
        ValueError: If images are damaged or have another size than the file says, or nobody is left.
    """
    root, skipped = Path(image_root).resolve(), Counter(annotations.skipped)
    images: list[AnnotatedImage] = []
    twice = [
        name for name, count in Counter(image.file_name for image in annotations.images).items() if count > 1
    ]
    if twice:
        raise ValueError(f'{annotations.path}: {twice[0]} is listed twice; merge the two images')
    if outside := [image.file_name for image in annotations.images if leads_out(image.file_name)]:
        raise ValueError(
            f'{annotations.path}: the image {outside[0]} leads out of {image_root}; correct the file, or '
            'give the folder that its names are relative to (--image-root)'
        )
    absent = [image.file_name for image in annotations.images if not (root / image.file_name).is_file()]
    if absent and not skip_missing:
        raise FileNotFoundError(
            f'{annotations.path}: {len(absent)} of {len(annotations.images)} images are not in {image_root}, '
            f'the first is {absent[0]}; correct the folder (--image-root) or leave them out (--skip-missing)'
        )
    for image in track(annotations.images, description='checking images'):
        path = root / image.file_name
        try:
            size = image_size(str(path))
        except BadSampleError as error:
            if not skip_missing:
                raise ValueError(f'{error}, or leave it out (--skip-missing)') from error
            skipped[f'images ({error.reason})'] += 1
            continue
        if image.size and size != image.size:
            if skip_missing:
                skipped['images (of another size)'] += 1
                continue
            raise ValueError(
                f'{path} has {size[1]} x {size[0]} pixels, but {annotations.path} says {image.size[1]} x '
                f'{image.size[0]}; get the original images or leave it out '
                '(--skip-missing)'
            )
        inside = [
            person
            for person in image.people
            if (person.bbox[:2] < size[::-1]).all() and (person.bbox[2:] > 0).all()
        ]
        skipped['people outside their image'] += len(image.people) - len(inside)
        if inside:
            images.append(replace(image, path=str(path), size=size, people=inside))
    if not images:
        raise ValueError(f'{annotations.path}: no person with keypoints is left in {image_root}')
    return replace(annotations, images=images, skipped=+skipped)


def predict_people(
    inferencer: MultiRoIInferencer,
    images: Sequence[AnnotatedImage],
    detect: bool = False,
    batch_size: int = 16,
    focal_length: float | None = None,
) -> Iterator[list[PredictedPerson]]:
    """Predict the annotated people, as ``tools/demo.py`` does.

    Args:
        inferencer: The model.
        images: From :func:`find_images`.
        detect: Find people with the inferencer's detector instead of giving it the annotated boxes. They are
            matched with the annotated people, those without keypoints included, by an overlap of at least
            ``MATCH_IOU``.
        batch_size: People per forward pass.
        focal_length: Pixels, of all images; by default from EXIF, else the diagonal of the image.

    Yields:
        The people of each image, in order.

    Raises:
        BadInputError: If an image cannot be read after all, or the detector cannot be used.
    """
    boxes = {image.path: [person.bbox for person in image.people] for image in images}
    results = inferencer.stream(
        list(boxes), None if detect else boxes, batch_size=batch_size, focal_length=focal_length
    )
    mean_person = MeanPerson(inferencer.model.body_model)
    for image, result in zip(images, results, strict=True):
        if isinstance(result, BadInput):
            raise BadInputError(str(result))
        if not detect and len(result.samples) < len(image.people):
            raise BadInputError('; '.join(map(str, result.problems)))
        numbers = _match(image, result) if detect else [*range(len(image.people))]
        yield [
            PredictedPerson(_keypoints(image, i, number, result, mean_person), number, result)
            for i, number in enumerate(numbers)
        ]


def _match(image: AnnotatedImage, result: FrameResult) -> list[int | None]:
    annotated = np.concatenate([[person.bbox for person in image.people], image.others])
    detected = np.reshape([sample.bbox for sample in result.samples], (-1, 4))
    numbers: list[int | None] = [None] * len(annotated)
    for row, column in zip(*match_boxes(annotated, detected, MATCH_IOU), strict=True):
        numbers[row] = int(column)
    return numbers[: len(image.people)]


def _keypoints(
    image: AnnotatedImage, i: int, number: int | None, result: FrameResult, mean_person: MeanPerson
) -> PersonKeypoints:
    person = image.people[i]
    known = PersonKeypoints(image.file_name, person.annotation_id, person.bbox, person.keypoints)
    if number is None:
        return known
    sample = result.samples[number]
    mean = HMRDataSample(metainfo=sample.metainfo)
    mean.pred_instances = mean_person(sample.metainfo).to_instances().cpu()
    return replace(
        known,
        predicted=person_arrays(sample)['joints2d'],
        mean_pose=person_arrays(mean)['joints2d'],
        score=sample.bbox_score,
    )
