"""2D keypoint annotations of COCO and MPII, without bodies."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.datasets.boxes import MARGIN, crop_boxes, with_margin
from mmroi.datasets.coco_annotations import person_annotations
from mmroi.datasets.converters.base import Part, Unit
from mmroi.datasets.converters.raw_files import read_json, read_mat, shaped


class _WholeFile:
    """A file that is read as a whole.

    Args:
        path: The file.
        image_folder: Folder of the images, relative to the root of the download.
    """

    parallel = False
    keypoints3d_convention = None

    def __init__(self, path: Path, image_folder: str) -> None:
        self.path = path
        self.image_folder = image_folder

    def units(self) -> Sequence[Unit]:
        """Return a single unit."""
        return (Unit('all people'),)


class CocoKeypoints(_WholeFile):
    """People of ``person_keypoints_train2014.json`` with all 12 body joints, as in MMHuman3D."""

    keypoints2d_convention = 'coco'

    def read(self, unit: Unit) -> Part:
        """Read all rows, ordered by image and person."""
        content = read_json(self.path, ('images', 'annotations'))
        try:
            pairs = [(image, one) for image, people in person_annotations(content) for one in people]
        except ValueError as error:
            raise ValueError(f'{self.path}: {error}') from error
        names = {image['id']: image['file_name'] for image, _ in pairs}
        people = sorted(
            (person for _, person in pairs if 'keypoints' in person),
            key=lambda person: (person['image_id'], person['id']),
        )
        keypoints = shaped([person['keypoints'] for person in people], (17, 3), f"{self.path}: 'keypoints'")
        keypoints[..., 2] = keypoints[..., 2] > 0  # COCO: 1 labeled but hidden, 2 visible
        complete = (keypoints[:, 5:, 2] > 0).all(1)
        people = [people[i] for i in np.flatnonzero(complete)]
        boxes = shaped([person['bbox'] for person in people], (4,), f"{self.path}: 'bbox'")
        rows = dict(
            image_path=np.array(
                [f'{self.image_folder}/{names[person["image_id"]]}' for person in people], np.str_
            ),
            bbox_xywh=with_margin(boxes),
            keypoints2d=keypoints[complete],
            annotation_id=np.array([person['id'] for person in people], np.int64),
        )
        return Part(rows, {'fewer than 12 joints of the body': int((~complete).sum())})


class MpiiKeypoints(_WholeFile):
    """People of ``mpii_human_pose_v1_u12_1.mat`` in training images with all 16 joints, as in MMHuman3D."""

    keypoints2d_convention = 'mpii'

    def read(self, unit: Unit) -> Part:
        """Read all rows, in the order of the file."""
        release = read_mat(self.path, ['RELEASE'])['RELEASE']
        rows: dict[str, list[Any]] = defaultdict(list)
        left_out: Counter[str] = Counter()
        training = np.atleast_1d(release.img_train)
        for image, in_training in zip(_structs(release.annolist), training, strict=True):
            for person in _structs(getattr(image, 'annorect', ())):
                joints = list(_joints(person))
                if not in_training:
                    left_out['test image'] += 1
                elif len(joints) < 16:
                    left_out['fewer than 16 joints'] += 1
                else:
                    rows['image_path'].append(f'{self.image_folder}/{image.image.name}')
                    rows['keypoints2d'].append([point for _, point in sorted(joints)])
                    rows['center'].append((person.objpos.x, person.objpos.y))
                    rows['scale'].append(person.scale)
        where = f'{self.path}: '
        # MATLAB counts pixels from 1. ``scale`` is the height of the person / 200, without margin.
        keypoints = shaped(rows['keypoints2d'], (16, 2), where + "'annopoints'") - 1
        centers = shaped(rows['center'], (2,), where + "'objpos'") - 1
        scales = shaped(rows['scale'], (), where + "'scale'")
        return Part(
            dict(
                image_path=np.array(rows['image_path'], np.str_),
                bbox_xywh=crop_boxes(centers, scales * MARGIN),
                keypoints2d=np.concatenate([keypoints, np.ones_like(keypoints[..., :1])], 2),
            ),
            left_out,
        )


def _structs(values: Any) -> Iterator[Any]:
    """Iterate over MATLAB structures, of which scipy returns an array, a single one, or an empty array."""
    for value in np.atleast_1d(np.asarray(values, object)):
        if hasattr(value, '_fieldnames'):
            yield value


def _joints(person: Any) -> Iterator[tuple[int, tuple[float, float]]]:
    for points in _structs(getattr(person, 'annopoints', ())):
        for point in _structs(points.point):
            yield int(point.id), (float(point.x), float(point.y))
