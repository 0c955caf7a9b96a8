"""Annotation files with the boxes that a detector finds in place of the annotated ones."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mmroi.apis.inference.detectors import PeopleFinder
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame, group_frames
from mmroi.apis.inference.image_files import ImageSource
from mmroi.apis.inference.people import People
from mmroi.apis.inference.tracking import box_iou, match_boxes
from mmroi.datasets.boxes import enlarge
from mmroi.datasets.image_checks import check_folder
from mmroi.fileio.file_access import ImageFolders
from mmroi.fileio.human_data import HumanData
from mmroi.utils import ProgressBar
from mmroi.utils.choices import MATCH_IOU

_IMAGES = 16  # of a group that the detector sees at once
_IOU = 'detection_iou'


@dataclass(frozen=True, eq=False)
class DetectedBoxes:
    """Annotations with detected boxes.

    Attributes:
        annotations: The file; ``misc['detection_iou']`` (N,) float32 is the overlap of the detected with the
            annotated box, 0 where the annotated one was kept.
        images: Number of images.
        people: Number of annotated people.
        detections: Number of detected people.
        overlaps: (P,) intersection over union of each annotated person with his or her detection, 0 for those
            without.
        dropped: Whether people without a detection were left out.
    """

    annotations: HumanData
    images: int
    people: int
    detections: int
    overlaps: np.ndarray
    dropped: bool

    def __str__(self) -> str:
        found = self.overlaps > 0
        unmatched = int((~found).sum())
        return (
            f'{self.people} people in {self.images} images: {found.sum()} detected (mean IoU '
            f'{self.overlaps[found].mean() if found.any() else 0:.3f}), {unmatched} not and '
            f'{"left out" if self.dropped else "kept with their annotated box"}; '
            f'{self.detections - found.sum()} detections of nobody annotated'
        )


def replace_boxes(
    annotations: HumanData,
    data_root: str | Path,
    detector: PeopleFinder,
    iou_thr: float = MATCH_IOU,
    unmatched: Literal['drop', 'keep'] = 'drop',
    box_margin: float = 1.0,
    progress: bool = True,
) -> DetectedBoxes:
    """Detect people, and give each annotated person the detected box that fits the annotated one.

    Boxes are matched one to one within each image, such that the sum of overlaps is maximal. Detected boxes
    are tight; the new file has them with the margin of the old one, and with the score of the detection.

    Args:
        annotations: Annotations of P people; not changed.
        data_root: Folder that image paths are relative to, and must not lead out of.
        detector: Finds people in frames; see :func:`mmroi.apis.inference.detectors.make_detector`.
        iou_thr: Minimum overlap (intersection over union) of a detected with the tight annotated box.
        unmatched: ``drop`` people without a detection, or ``keep`` them with their annotated box.
        box_margin: Enlargement that the annotated boxes have, as of ``HumanImageDataset``.
        progress: Show a progress bar if the output is a terminal.

    Returns:
        The new annotations, and counts.

    Raises:
        BadInputError: An image cannot be read.
        BadSampleError: An image lies outside of ``data_root``.
        KeyError: The file has no image paths or boxes.
        ValueError: Nobody is left; or an option is out of range.
    """
    if not 0 < iou_thr <= 1:
        raise ValueError(f'the least IoU of a match must lie in (0, 1], got {iou_thr:g}')
    if unmatched not in ('drop', 'keep'):
        raise ValueError(f'unmatched must be "drop" or "keep", not "{unmatched}"')
    if not 0 < box_margin < float('inf'):
        raise ValueError(f'box_margin must be positive, got {box_margin:g}')
    annotations.require(('image_path', 'bbox_xywh'))
    boxes = np.array(annotations['bbox_xywh'], np.float64)
    tight = enlarge(boxes[:, :4], 1 / box_margin)
    corners = np.concatenate([tight[:, :2], tight[:, :2] + tight[:, 2:]], axis=1)
    paths, image_of_row = np.unique(np.asarray(annotations['image_path'], np.str_), return_inverse=True)
    overlaps, num_found = np.zeros(len(boxes)), 0
    with ProgressBar(len(paths), 'detecting people', disable=None if progress else True) as bar:
        for image, people in enumerate(_detect(paths.tolist(), data_root, detector)):
            rows = np.flatnonzero(image_of_row == image)
            annotated, detected = match_boxes(corners[rows], people.bboxes, iou_thr)
            rows, found = rows[annotated], people.bboxes[detected]
            overlaps[rows] = box_iou(corners[rows], found).diagonal()
            boxes[rows, :4] = enlarge(
                np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], 1), box_margin
            )
            boxes[rows, 4] = people.scores[detected]
            num_found += len(people)
            bar.advance()
    dropped = unmatched == 'drop'
    kept = np.flatnonzero(overlaps > 0) if dropped else np.arange(len(boxes))
    if not len(kept):
        raise ValueError(
            f'{annotations.source}: none of its {len(boxes)} people is detected with an IoU of {iou_thr:g}; '
            'check the folder of the images and the margin of the boxes (--box-margin), lower --iou-thr or '
            '--det-score, or keep annotated boxes (--unmatched keep)'
        )
    changed = annotations.take(kept)
    changed['bbox_xywh'] = boxes[kept]
    changed['misc'] = {**changed.get('misc', {}), _IOU: overlaps[kept].astype(np.float32)}
    return DetectedBoxes(changed, len(paths), len(boxes), num_found, overlaps, dropped)


def _detect(paths: list[str], data_root: str | Path, detector: PeopleFinder) -> Iterator[People]:
    """Find the people of each image."""
    for group in group_frames(_read(paths, data_root), _IMAGES):
        for item in group:
            if isinstance(item, BadInput):
                raise BadInputError(f'{item} (--data-root is the folder that image paths are relative to)')
        yield from detector([frame for frame in group if isinstance(frame, Frame)])


def _read(paths: list[str], data_root: str | Path) -> Iterator[Frame | BadInput]:
    folders = ImageFolders([data_root])
    for path in paths:
        full = os.path.join(data_root, path)
        check_folder(full, folders)
        yield from ImageSource(Path(full), path, full)
