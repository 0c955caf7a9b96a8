"""Groups by hand-made labels, and labels found again by the people of a file of results."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.datasets import HumanImageDataset, MixedDataset
from mmroi.evaluation import MeshResults
from mmroi.evaluation.groups import bin_groups, read_people, visibility_groups
from mmroi.evaluation.mesh_results import REQUIRED
from mmroi.fileio import HumanData
from mmroi.structures import COCO_17, SMPL_54

NOSE, ANKLE = (SMPL_54.index(COCO_17[i]) for i in (0, 16))


def test_visibility() -> None:
    in_image, hidden = np.ones((5, 17), bool), np.zeros((5, 17), bool)
    in_image[[0, 3], 16] = False
    hidden[1, :3] = hidden[3, 4:9] = True
    hidden[2, :2] = True
    groups = visibility_groups(in_image, hidden)
    assert {name: np.flatnonzero(mask).tolist() for name, mask in groups.items()} == {
        'truncated': [0, 3],
        'occluded': [1, 3],
        'fully visible': [2, 4],
    }
    strict = visibility_groups(in_image, hidden, min_hidden=1)
    assert np.flatnonzero(strict['occluded']).tolist() == [1, 2, 3]
    assert np.flatnonzero(strict['fully visible']).tolist() == [4]


def test_visibility_that_nobody_annotated() -> None:
    with pytest.raises(ValueError, match='only rendered sets'):
        visibility_groups(np.ones((2, 17), bool), None)
    with pytest.raises(ValueError, match='min_hidden must be at least 1'):
        visibility_groups(np.ones((2, 17), bool), np.zeros((2, 17), bool), 0)


def test_bins() -> None:
    values = np.array([0.5, 3, 5.99, 6, 80, np.nan])
    groups = bin_groups(values, (3, 6), 'm')
    assert list(groups) == ['< 3 m', '3-6 m', '>= 6 m']
    assert [np.flatnonzero(mask).tolist() for mask in groups.values()] == [[0], [1, 2], [3, 4]]
    assert list(bin_groups(values, [0.1])) == ['< 0.1', '>= 0.1']
    for edges in ((), (3, 3), (6, 3)):
        with pytest.raises(ValueError, match='edges of groups must increase'):
            bin_groups(values, edges)


def write_people(folder: Path, name: str, misc: dict, num: int) -> HumanImageDataset:
    """People at the pelvis (0, 3, 4) m with boxes of 20 x 40 pixels; person i has its corner at (10 i, 0)."""
    keypoints2d, keypoints3d = np.full((num, 54, 3), 10.0), np.ones((num, 54, 4))
    keypoints2d[..., 2] = 1
    keypoints3d[:, 0, :3] = 0, 3, 4
    smpl = dict(global_orient=np.zeros((num, 3)), body_pose=np.zeros((num, 23, 3)), betas=np.zeros((num, 10)))
    content = dict(
        image_path=[f'{name}.png'] * num,
        bbox_xywh=[[10 * i, 0, 20, 40, 1] for i in range(num)],
        keypoints2d=keypoints2d,
        keypoints2d_convention='smpl_54',
        keypoints3d=keypoints3d,
        keypoints3d_convention='smpl_54',
        smpl=dict(smpl, transl=np.tile((0.0, 3.0, 4.0), (num, 1))),
        misc=misc,
    )
    content['keypoints2d'][0, ANKLE, 2] = 0
    HumanData(content).dump(folder / f'{name}.npz')
    cv2.imwrite(str(folder / f'{name}.png'), np.zeros((60, 80, 3), np.uint8))  # diagonal 100
    return HumanImageDataset(f'{name}.npz', str(folder), test_mode=True)


@pytest.fixture
def sets(tmp_path: Path) -> list[HumanImageDataset]:
    """Two sets of people: one with cameras and occlusion, and one without either."""
    occluded = np.zeros((3, 54), np.uint8)
    occluded[1, NOSE] = 1
    known = dict(
        focal_length=[[100.0, 400.0], [150.0, 150.0], [100.0, 100.0]],
        principal_point=[[20.0, 20.0], [20.0, 50.0], [20.0, 20.0]],
        image_size=[[60, 80], [60, 80], [300, 400]],
        keypoints2d_occluded=occluded,
    )
    return [write_people(tmp_path, 'known', known, 3), write_people(tmp_path, 'unknown', {}, 2)]


@pytest.fixture
def write_results(tmp_path: Path, sets: list[HumanImageDataset]):
    """write_results((dataset, sample), ...) -> results of these people; ``leave_out`` names arrays."""

    def write(*people: tuple[int, int], leave_out: str = '') -> MeshResults:
        arrays = {f'pred_instances.{name}': np.zeros((len(people), 1)) for name in REQUIRED}
        arrays['meta.img_path'] = np.array([sets[i].get_data_info(j)['img_path'] for i, j in people])
        arrays['meta.sample_idx'] = np.array([j for _, j in people])
        arrays.pop(leave_out, None)
        np.savez(tmp_path / 'results.npz', **arrays)
        return MeshResults(tmp_path / 'results.npz')

    return write


def test_people_of_one_set(sets, write_results) -> None:
    people = read_people(write_results((0, 2), (0, 0), (0, 1)), sets[0])
    np.testing.assert_allclose(people.focal_length, [100 / 500, 2, 1.5])  # sqrt(100 * 400) = 200
    np.testing.assert_allclose(people.distance, 5, rtol=1e-6)
    np.testing.assert_allclose(people.offset, [10 / 500, 0.1, 0.3])
    assert people.in_image.sum(1).tolist() == [17, 16, 17] and not people.in_image[1, 16]
    assert people.hidden.sum(1).tolist() == [0, 0, 1] and people.hidden[2, 0]


def test_people_of_a_mixture(sets, write_results) -> None:
    """Samples of both sets have the same numbers; the image tells them apart."""
    people = read_people(write_results((0, 0), (1, 0), (1, 1)), MixedDataset(sets))
    np.testing.assert_allclose(people.focal_length, [2, 1, 1])
    # The camera of the second set is unknown: it looks at the center of its image, (40, 30).
    np.testing.assert_allclose(people.offset, np.hypot([10, 30, 20], [0, 10, 10]) / 100)
    assert people.hidden is None


def test_people_who_cannot_be_found(sets, write_results) -> None:
    with pytest.raises(ValueError, match=r'1 of 2 people are not in the dataset.*sample 1 \(.*unknown.png\)'):
        read_people(write_results((0, 0), (1, 1)), sets[0])
    with pytest.raises(ValueError, match=r'results.npz: lacks meta.img_path or meta.sample_idx'):
        read_people(write_results((0, 0), leave_out='meta.sample_idx'), sets[0])
