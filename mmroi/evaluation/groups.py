"""Groups of the people of a test set: by how much of them is visible, and by their cameras.

The groups follow from the annotation alone, never from what the network was told or predicted, so all methods
and all conditions of a test have the same ones::

    people = read_people(MeshResults('results.npz'), DATASETS.build(cfg.test_dataloader.dataset))
    groups = visibility_groups(people.in_image, people.hidden)
    groups |= bin_groups(people.distance, (3, 6), 'm')
    errors[groups['occluded']].mean()
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mmroi.datasets import HumanImageDataset, MixedDataset
from mmroi.datasets.image_checks import image_size
from mmroi.evaluation.mesh_results import MeshResults
from mmroi.fileio.human_data import HumanData
from mmroi.geometry import estimate_focal_length
from mmroi.structures import COCO_17, SMPL_54, convert_keypoints, get_convention

HIDDEN = 3  # keypoints of 17 that make a person occluded
_COCO = [SMPL_54.index(name) for name in COCO_17]
_OCCLUDED = 'keypoints2d_occluded'


@dataclass(frozen=True, eq=False)
class AnnotatedPeople:
    """What the annotation says about N people.

    Attributes:
        in_image: (N, 17) bool: COCO keypoints with a confidence. Rendered people have exact keypoints, and
            those without confidence lie outside of the image; in photographs they may just not be annotated.
        hidden: (N, 17) bool: COCO keypoints in the image that another person or an object hides; None if the
            annotation does not say so.
        focal_length: (N,) focal length / diagonal of the image; 1 if the camera is unknown.
        distance: (N,) distance of the pelvis from the camera, meters; NaN if unknown.
        offset: (N,) distance of the center of the box from the principal point / diagonal of the image.
    """

    in_image: np.ndarray
    hidden: np.ndarray | None
    focal_length: np.ndarray
    distance: np.ndarray
    offset: np.ndarray


def read_people(results: MeshResults, dataset: HumanImageDataset | MixedDataset) -> AnnotatedPeople:
    """Read what the annotation says about the people of a file of results.

    Args:
        results: The file, of N people.
        dataset: The test set, or a mixture of sets; its pipeline is not run. The size of images is read from
            them where ``misc['image_size']`` (height, width) does not say it.

    Returns:
        N people in the order of the results.

    Raises:
        BadSampleError: An image, which is opened for its size, is missing or damaged.
        ValueError: The results do not say whom they are of, or have people who are not in the dataset; or
            ``misc['keypoints2d_occluded']`` of the annotation has the wrong shape.
    """
    names = ('meta.img_path', 'meta.sample_idx')
    if not all(name in results.arrays for name in names):
        raise ValueError(f'{results.path}: lacks {" or ".join(names)}, so its people cannot be found again')
    wanted = [
        (str(path), int(index)) for path, index in zip(*(results.arrays[name] for name in names), strict=True)
    ]
    found: dict[tuple[str, int], dict[str, Any]] = {}
    sought = set(wanted)
    for part in getattr(dataset, 'datasets', [dataset]):
        for person in _people(part, sought):
            found[person.pop('key')] = person
    missing = [key for key in wanted if key not in found]
    if missing:
        raise ValueError(
            f'{results.path}: {len(missing)} of {len(wanted)} people are not in the dataset, the first is '
            f'sample {missing[0][1]} ({missing[0][0]}); give the dataset that the results were made with'
        )
    rows = [found[key] for key in wanted]
    columns = {field.name: [row[field.name] for row in rows] for field in fields(AnnotatedPeople)}
    hidden = columns.pop('hidden')
    known = all(row is not None for row in hidden)
    return AnnotatedPeople(
        hidden=np.array(hidden, bool) if known else None,
        **{name: np.array(values) for name, values in columns.items()},
    )


def _people(dataset: HumanImageDataset, sought: set[tuple[str, int]]) -> list[dict[str, Any]]:
    """Fields of ``AnnotatedPeople`` of those people of one file who are sought, and their ``key``."""
    dataset.full_init()
    file = dataset.data_list.human_data
    hidden, sizes = _hidden(file), file.per_row('misc', 'image_size', np.float64, (2,))
    known_sizes: dict[str, tuple[int, int]] = {}
    people = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        path, row = info['img_path'], info['row']
        if (path, index) not in sought:
            continue
        if sizes is None and path not in known_sizes:
            known_sizes[path] = image_size(path)
        height, width = known_sizes[path] if sizes is None else sizes[row]
        diagonal = estimate_focal_length(height, width)
        focal_length = diagonal if info['focal_length'] is None else info['focal_length']
        center = (width / 2, height / 2) if info['principal_point'] is None else info['principal_point']
        box = info['bbox_xywh']
        people.append(
            dict(
                key=(path, index),
                in_image=info['keypoints2d'][_COCO, 2] > 0,
                hidden=None if hidden is None else hidden[row],
                focal_length=np.exp(np.log(focal_length).mean()) / diagonal,  # of GetPersonBox: sqrt(fx fy)
                distance=np.linalg.norm(info['pelvis']) if info['has_transl'] else np.nan,
                offset=np.linalg.norm(box[:2] + box[2:] / 2 - center) / diagonal,
            )
        )
    return people


def _hidden(human_data: HumanData) -> np.ndarray | None:
    """Which of COCO's keypoints are hidden, (N, 17) bool; None if the file does not say so."""
    if 'keypoints2d_convention' not in human_data:
        return None
    convention = human_data['keypoints2d_convention']
    hidden = human_data.per_row('misc', _OCCLUDED, np.float64, (len(get_convention(convention)),))
    return None if hidden is None else convert_keypoints(hidden[..., None] > 0, convention, 'coco')[0][..., 0]


def visibility_groups(
    in_image: np.ndarray, hidden: np.ndarray | None, min_hidden: int = HIDDEN
) -> dict[str, np.ndarray]:
    """Group people by how much of them is visible.

    Args:
        in_image: (N, 17) bool, as of :class:`AnnotatedPeople`.
        hidden: (N, 17) bool, as of :class:`AnnotatedPeople`.
        min_hidden: Number of hidden keypoints that make a person occluded.

    Returns:
        Masks (N,): ``truncated``, a keypoint lies outside of the image; ``occluded``, something hides at
        least ``min_hidden`` keypoints; ``fully visible``, neither. People may be both truncated and occluded.

    Raises:
        ValueError: The annotation does not say which keypoints are hidden, or ``min_hidden`` is not positive.
    """
    if hidden is None:
        raise ValueError(
            f"no misc['{_OCCLUDED}'] in the annotation says which keypoints are hidden: only rendered sets "
            '(make_synthetic.py) have groups by visibility'
        )
    if min_hidden < 1:
        raise ValueError(f'min_hidden must be at least 1 keypoint, got {min_hidden}')
    truncated = ~in_image.all(1)
    occluded = hidden.sum(1) >= min_hidden
    return {'truncated': truncated, 'occluded': occluded, 'fully visible': ~(truncated | occluded)}


def bin_groups(values: np.ndarray, edges: Sequence[float], unit: str = '') -> dict[str, np.ndarray]:
    """Group people by a number.

    Args:
        values: (N,); NaN belongs to no group.
        edges: E increasing numbers between the groups; a value equal to one belongs to the group above.
        unit: Put behind the edges in names.

    Returns:
        E + 1 masks (N,) in increasing order, with names such as ``< 3 m``, ``3-6 m`` and ``>= 6 m``.

    Raises:
        ValueError: The edges do not increase, or there is none.
    """
    numbers = list(map(float, edges))
    if not numbers or any(low >= high for low, high in zip(numbers, numbers[1:], strict=False)):
        raise ValueError(f'edges of groups must increase, got {list(edges)}')
    names = [f'< {numbers[0]:g}']
    names += [f'{low:g}-{high:g}' for low, high in zip(numbers, numbers[1:], strict=False)]
    names += [f'>= {numbers[-1]:g}']
    limits = [-np.inf, *numbers, np.inf]
    return {
        f'{name} {unit}'.rstrip(): (values >= low) & (values < high)
        for name, low, high in zip(names, limits, limits[1:], strict=False)
    }
