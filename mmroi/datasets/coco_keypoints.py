"""Read 2D keypoints of people from files in COCO's format, whatever their joints."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.datasets.coco_annotations import person_annotations
from mmroi.datasets.converters.raw_files import read_json
from mmroi.structures import SMPL_54, annotated_joint, get_convention

WITHOUT_KEYPOINTS = 'people without keypoints'


@dataclass(frozen=True, eq=False)
class AnnotatedPerson:
    """A person with 2D keypoints.

    Attributes:
        annotation_id: ``id`` of the annotation.
        bbox: (4,) corners x1, y1, x2, y2 in pixels, float64.
        keypoints: (54, 3) x, y in pixels and confidence; convention ``smpl_54``. The confidence is 1 where
            COCO says 1 or 2, 0 where nothing is annotated, and a number between 0 and 1 as it is in the file.
    """

    annotation_id: Any
    bbox: np.ndarray
    keypoints: np.ndarray


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An image with at least one person with keypoints.

    Attributes:
        file_name: As in the file: relative to the folder of the images.
        size: Height and width, pixels; None if the file does not state them.
        people: In the order of the file.
        others: (U, 4) boxes of people without keypoints, corners in pixels.
        path: The image; empty until it has been looked for.
    """

    file_name: str
    size: tuple[int, int] | None
    people: Sequence[AnnotatedPerson]
    others: np.ndarray
    path: str = ''


@dataclass(frozen=True)
class AnnotatedKeypoints:
    """The content of a keypoint file.

    Attributes:
        path: The file.
        images: Images with people with keypoints, in the order of the file.
        skipped: Number of people, images, and names of joints that are left out, by reason.
    """

    path: Path
    images: Sequence[AnnotatedImage]
    skipped: Counter[str] = field(default_factory=Counter)


def read_coco_keypoints(
    path: str | Path,
    category: str = 'person',
    convention: str | None = None,
    skip_unknown: bool = False,
    visible_only: bool = False,
) -> AnnotatedKeypoints:
    """Read people with 2D keypoints from a file in COCO's format, whatever its joints.

    Joints are found by the names in the file's categories. Left out are crowds, people without an annotated
    joint, and boxes without area.

    Args:
        path: The file. Segmentations and further keys are ignored.
        category: Name of the people's category, see :func:`person_annotations`.
        convention: Order of the joints, instead of their names in the file: a key of ``CONVENTIONS`` such as
            ``coco``.
        skip_unknown: Leave out joints that ``smpl_54`` does not have.
        visible_only: Leave out joints with visibility 1, which are labeled but hidden.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not of this format, names unknown joints, or has nobody with keypoints.
    """
    path = Path(path)
    content = read_json(path, ('images', 'annotations'))
    try:
        reader = _Reader(content, convention, skip_unknown, visible_only)
        images = [reader.image(*pair) for pair in person_annotations(content, category)]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f'an entry lacks {error}' if isinstance(error, KeyError) else str(error)
        raise ValueError(f'{path}: {reason}') from error
    found = [image for image in images if image.people]
    if not found:
        counts = ', '.join(f'{count} {reason}' for reason, count in reader.skipped.items())
        raise ValueError(f'{path}: nobody has keypoints ({counts or "no annotations of people"})')
    return AnnotatedKeypoints(path, found, reader.skipped)


class _Reader:
    def __init__(
        self, content: Mapping[str, Any], convention: str | None, skip_unknown: bool, visible_only: bool
    ) -> None:
        self.skipped: Counter[str] = Counter()
        self._names = {c['id']: c.get('keypoints') for c in content.get('categories') or ()}
        self._given = get_convention(convention) if convention else None
        self._skip_unknown = skip_unknown
        self._lowest = 2 if visible_only else np.finfo(float).tiny
        self._rows: dict[Any, np.ndarray] = {}

    def image(self, image: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]) -> AnnotatedImage:
        people, others = [], []
        for annotation in annotations:
            bbox = self._box(annotation)
            if bbox is None:
                continue
            keypoints = self._keypoints(annotation)
            if keypoints[:, 2].any():
                people.append(AnnotatedPerson(annotation.get('id'), bbox, keypoints))
            else:
                others.append(bbox)
                self.skipped[WITHOUT_KEYPOINTS] += 1
        size = None
        if image.get('height') and image.get('width'):
            size = int(image['height']), int(image['width'])
        return AnnotatedImage(str(image['file_name']), size, people, np.reshape(others, (-1, 4)))

    def _box(self, annotation: Mapping[str, Any]) -> np.ndarray | None:
        if annotation.get('iscrowd'):
            self.skipped['crowds'] += 1
            return None
        bbox = np.array(annotation.get('bbox') or np.zeros(4), np.float64)
        if bbox.shape != (4,) or not np.isfinite(bbox).all():
            raise ValueError(f'the bbox of annotation {annotation.get("id")} is not x, y, width, height')
        if (bbox[2:] <= 0).any():
            self.skipped['people without a box'] += 1
            return None
        return np.concatenate([bbox[:2], bbox[:2] + bbox[2:]])

    def _keypoints(self, annotation: Mapping[str, Any]) -> np.ndarray:
        keypoints = np.zeros((len(SMPL_54), 3))
        values = np.array(annotation.get('keypoints') or (), np.float64).reshape(-1)
        if not values.any():  # COCO: people too small to annotate
            return keypoints
        rows, where = self._joints(annotation.get('category_id')), f'annotation {annotation.get("id")}'
        if len(values) != 3 * len(rows):
            raise ValueError(
                f'{where} has {len(values)} numbers in keypoints; x, y, visibility of {len(rows)} joints are '
                f'{3 * len(rows)}'
            )
        marked = values.reshape(-1, 3)
        marked[marked[:, 2] == 0] = 0  # some write NaN for what is not labeled
        if not np.isfinite(marked).all() or (marked[:, 2] > 2).any():
            raise ValueError(
                f'{where} has keypoints that are not numbers or have a visibility above 2; COCO has 0 '
                '(not labeled), 1 (hidden), 2 (visible)'
            )
        known = (rows >= 0) & (marked[:, 2] >= self._lowest)
        keypoints[rows[known]] = np.minimum(marked[known], (np.inf, np.inf, 1))  # 2: labeled and visible
        return keypoints

    def _joints(self, category: Any) -> np.ndarray:
        """Return the row in ``smpl_54`` of each joint of the file, -1 if there is none."""
        if category not in self._rows:
            known = [*self._names.values()] if category is None else [self._names.get(category)]
            names = self._given or (known[0] if len(known) == 1 else None)
            if not names:
                raise ValueError(
                    'has no names of the keypoints in its categories; add them there ("keypoints": '
                    '["nose", ...]), or name their order where the tool can (--convention coco)'
                )
            joints = [name if self._given else annotated_joint(name) for name in names]
            rows = [SMPL_54.index(joint) if joint in SMPL_54 else -1 for joint in joints]
            unknown = [name for name, row in zip(names, rows, strict=True) if row < 0]
            if unknown and not self._skip_unknown:
                raise ValueError(
                    f'has joints that the body model lacks: {", ".join(unknown)}; leave them out '
                    '(--skip-unknown)'
                )
            twice = [name for name, row in zip(names, rows, strict=True) if row >= 0 and rows.count(row) > 1]
            if twice:
                raise ValueError(f'has several names of one joint: {", ".join(twice)}; keep one of them')
            if unknown:
                self.skipped[f'unknown joints ({", ".join(unknown)})'] += len(unknown)
            self._rows[category] = np.array(rows)
        return self._rows[category]
