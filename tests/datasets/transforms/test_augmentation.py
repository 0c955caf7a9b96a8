"""Augmented samples must be what an exact camera would see of the augmented body."""

import numpy as np
import pytest
import torch
from mmcv.transforms.utils import cache_random_params
from mmengine.dataset import Compose

from mmroi.body_models import SMPL
from mmroi.datasets import (
    GetPersonBox,
    LoadImage,
    MultiRoICrop,
    PackHMRInputs,
    RandomBoxScale,
    RandomBoxShift,
    RandomCameraRoll,
    RandomChannelNoise,
    RandomMirror,
)
from mmroi.datasets.person_rows import PersonRows
from mmroi.fileio import HumanData
from mmroi.geometry import full_to_local, local_to_full, project
from mmroi.structures import flip_indices

ROLL, MIRROR, SCALE = RandomCameraRoll(180, prob=1), RandomMirror(1), RandomBoxScale(0.25)
SHIFT = RandomBoxShift(0.1)
ORDERS = {
    'nothing': [],
    'roll': [ROLL],
    'mirror': [MIRROR],
    'scale': [SCALE],
    'shift': [SHIFT],
    'shift, roll, shift, mirror': [SHIFT, ROLL, SHIFT, MIRROR],
    'roll, mirror, scale': [ROLL, MIRROR, SCALE],
    'mirror, roll, roll': [MIRROR, ROLL, ROLL],
    'mirror twice': [MIRROR, SCALE, ROLL, MIRROR],
}


FOCAL_LENGTHS = [None, (1961.8, 1969.2), (900.0, 1400.0), (1400.0, 900.0)]


def _seen_with(row: dict, focal_lengths: tuple[float, float] | None) -> dict:
    """A person seen with two focal lengths instead of one: the same body, other pixels and another box."""
    if focal_lengths is None:
        return row
    stretch = np.array(focal_lengths) / row['focal_length']
    keypoints, bbox, center = row['keypoints2d'].astype(np.float64), row['bbox_xywh'], row['principal_point']
    keypoints[:, :2] = (keypoints[:, :2] - center) * stretch + center
    bbox = np.concatenate(((bbox[:2] - center) * stretch + center, bbox[2:] * stretch))
    return {**row, 'focal_length': np.array(focal_lengths), 'keypoints2d': keypoints, 'bbox_xywh': bbox}


@pytest.mark.parametrize('focal_lengths', FOCAL_LENGTHS, ids=str)
@pytest.mark.parametrize('order', ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize('random', [False, True])
def test_one_full_camera_explains_all_rois(
    people: HumanData, body: SMPL, order: list, random: bool, focal_lengths: tuple[float, float] | None
) -> None:
    num_rois, crop_size = 9, (64, 48)
    pipeline = Compose(
        [
            LoadImage(),
            GetPersonBox(),
            *order,
            RandomChannelNoise(),
            MultiRoICrop(num_rois, crop_size, random),
            PackHMRInputs(),
        ]
    )
    mirrored = order.count(MIRROR) % 2 == 1
    for row in PersonRows(people, 'unit'):
        row = _seen_with(row, focal_lengths)
        original = row['keypoints2d'].copy()
        sample = pipeline({**row, 'img': np.zeros((240, 320, 3), np.uint8)})['data_samples']
        labels = {key: torch.from_numpy(value) for key, value in sample.gt_instances.items()}
        boxes = torch.from_numpy(sample.boxes)

        # The body of the augmented label, put where the augmented root joint is, seen by the unchanged focal
        # length.
        translation = labels['pelvis'] - body.rest_root(labels['betas'])
        joints = body(
            labels['global_orient'], labels['body_pose'].flatten(1), labels['betas']
        ).joints.double()
        seen = project(joints, translation.double(), sample.focal_length)[0]
        keypoints = labels['keypoints2d'][0, :, :2]
        assert (seen - keypoints).abs().max() < 0.01
        moved = joints + translation[:, None]
        assert (moved - labels['keypoints3d'][..., :3]).norm(dim=-1).max() < 1e-5

        # Every RoI: the local camera of this full camera leads back to it, and the label's place in the crop
        # is where the crop's matrix puts the joint of the original photo.
        local = full_to_local(translation[:, None].double(), boxes[None], sample.focal_length)
        again = local_to_full(local, boxes[None], sample.focal_length)
        seen_by_rois = project(joints.expand(num_rois, -1, -1), again[0], sample.focal_length)
        assert (seen_by_rois - keypoints).abs().max() < 0.01
        in_crops = (seen_by_rois - boxes[:, None, :2]) * crop_size[0] / boxes[:, None, 2:]
        in_crops += torch.tensor((crop_size[1] / 2, crop_size[0] / 2))
        source = torch.from_numpy(original[:, :2]).double()
        if mirrored:
            source = source[list(flip_indices('smpl_54'))]
        linear, shift = torch.from_numpy(sample.crop_matrices).split((2, 1), dim=-1)
        placed = (linear @ source.mT + shift).mT
        assert ((in_crops - placed).abs() * boxes[:, None, 2:] / crop_size[0]).max() < 0.01
        # And back to the pixels of the photo.
        again = torch.linalg.solve(linear, in_crops.mT - shift).mT
        assert (again - source).abs().max() < 0.01


@pytest.mark.parametrize('focal_lengths', FOCAL_LENGTHS, ids=str)
def test_metainfo_leads_back_to_the_photo(
    people: HumanData, focal_lengths: tuple[float, float] | None
) -> None:
    """Without augmentation: joints seen with the one focal length, stretched back, are those of the photo."""
    pipeline = Compose([LoadImage(), GetPersonBox(), MultiRoICrop(2, (32, 24)), PackHMRInputs()])
    for row in PersonRows(people, 'unit'):
        row = _seen_with(row, focal_lengths)
        sample = pipeline({**row, 'img': np.zeros((240, 320, 3), np.uint8)})['data_samples']
        joints = torch.from_numpy(row['keypoints3d'][:, :3]).double()
        seen = project(joints, torch.zeros(3), sample.focal_length).numpy()
        photo = seen * sample.focal_lengths / sample.focal_length + sample.principal_point
        assert np.abs(photo - row['keypoints2d'][:, :2]).max() < 0.01
        np.testing.assert_array_equal(sample.focal_lengths, np.broadcast_to(row['focal_length'], 2))
        assert sample.focal_length == pytest.approx(np.sqrt(np.prod(sample.focal_lengths)), rel=1e-12)


def test_equal_focal_lengths_are_one_to_the_last_bit(people: HumanData) -> None:
    pipeline = Compose(
        [
            LoadImage(),
            GetPersonBox(),
            RandomCameraRoll(),
            RandomMirror(),
            RandomBoxScale(),
            RandomBoxShift(),
            MultiRoICrop(5, (64, 48)),
            PackHMRInputs(),
        ]
    )
    img = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    for row in PersonRows(people, 'unit'):
        results = []
        for focal_length in (row['focal_length'], np.array([row['focal_length']] * 2)):
            np.random.seed(row['row'])
            results.append(pipeline({**row, 'img': img, 'focal_length': focal_length}))
        one, two = results
        assert torch.equal(one['inputs'], two['inputs'])
        for key, value in one['data_samples'].gt_instances.items():
            np.testing.assert_array_equal(value, two['data_samples'].gt_instances[key])
        for key, value in one['data_samples'].metainfo_items():
            np.testing.assert_array_equal(value, two['data_samples'].metainfo[key])


def test_roll_by_hand(sample: dict) -> None:
    roll = RandomCameraRoll(90, prob=1)
    roll._angle = lambda: np.pi / 2
    box, keypoint, pelvis = sample['box'], sample['keypoints2d'][0], sample['pelvis']
    results = roll(dict(sample))
    np.testing.assert_allclose(results['box'], (-box[1], box[0], box[2]))
    np.testing.assert_allclose(results['keypoints2d'][0], (-keypoint[1], keypoint[0], keypoint[2]), rtol=1e-5)
    np.testing.assert_allclose(results['pelvis'], (-pelvis[1], pelvis[0], pelvis[2]), rtol=1e-6)
    assert results['roll'] == np.pi / 2
    # Four quarter turns restore everything but the axis-angle's branch.
    for _ in range(3):
        results = roll(results)
    for key in ('box', 'keypoints2d', 'keypoints3d', 'pelvis', 'aug_matrix'):
        np.testing.assert_allclose(results[key], sample[key], atol=1e-4)


def test_mirror_by_hand(sample: dict) -> None:
    results = RandomMirror(1)(dict(sample))
    np.testing.assert_allclose(results['box'], sample['box'] * (-1, 1, 1))
    left_hip, right_hip = 1, 2
    np.testing.assert_allclose(
        results['keypoints2d'][left_hip], sample['keypoints2d'][right_hip] * (-1, 1, 1)
    )
    np.testing.assert_allclose(
        results['keypoints3d'][left_hip], sample['keypoints3d'][right_hip] * (-1, 1, 1, 1)
    )
    np.testing.assert_allclose(
        results['body_pose'][left_hip - 1], sample['body_pose'][right_hip - 1] * (1, -1, -1)
    )
    assert results['flip'] is True
    again = RandomMirror(1)(results)
    assert again['flip'] is False
    for key in ('box', 'keypoints2d', 'keypoints3d', 'body_pose', 'global_orient', 'pelvis', 'aug_matrix'):
        np.testing.assert_array_equal(again[key], sample[key])


def test_scale_changes_only_the_height(sample: dict) -> None:
    ratios = []
    for _ in range(200):
        results = RandomBoxScale(0.2)(dict(sample))
        np.testing.assert_array_equal(results['box'][:2], sample['box'][:2])
        ratios.append(results['box'][2] / sample['box'][2])
    assert min(ratios) == pytest.approx(0.8) and max(ratios) == pytest.approx(1.2)
    assert abs(np.mean(ratios) - 1) < 0.03


def test_shift_moves_only_the_center(sample: dict) -> None:
    np.random.seed(0)
    boxes = np.array([RandomBoxShift(0.05)(dict(sample))['box'] for _ in range(2000)])
    np.testing.assert_array_equal(boxes[:, 2], sample['box'][2])
    shifts = (boxes[:, :2] - sample['box'][:2]) / sample['box'][2]
    assert np.abs(shifts).max() == pytest.approx(0.1)
    assert np.abs(shifts.mean(0)).max() < 0.004
    assert abs(shifts.std() - 0.05 * 0.959) < 0.002  # clipping at two deviations leaves 0.959
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.06


def test_distributions() -> None:
    np.random.seed(0)
    uniform, normal = RandomCameraRoll(30, prob=0.6), RandomCameraRoll(60, prob=0.4, std=30)
    noise, mirror = RandomChannelNoise(0.4), RandomMirror(0.3)
    degrees = np.rad2deg([uniform._angle() for _ in range(2000)])
    assert np.abs(degrees).max() <= 30
    assert abs((degrees != 0).mean() - 0.6) < 0.04
    assert abs(degrees[degrees != 0].std() - 30 / 3**0.5) < 0.8
    spin = np.rad2deg([normal._angle() for _ in range(2000)])
    assert np.abs(spin).max() == pytest.approx(60)
    assert abs((spin != 0).mean() - 0.4) < 0.04
    assert abs((np.abs(spin[spin != 0]) < 30).mean() - 0.683) < 0.05
    gains = np.array([noise._gain() for _ in range(500)])
    assert 0.6 <= gains.min() < 0.61 and 1.39 < gains.max() <= 1.4
    assert abs(np.mean([mirror._mirror() for _ in range(2000)]) - 0.3) < 0.04


def test_numpy_seed_governs_and_randomness_can_be_cached(sample: dict) -> None:
    transforms = [
        RandomCameraRoll(),
        RandomMirror(),
        RandomBoxScale(),
        RandomChannelNoise(),
        MultiRoICrop(4, (32, 24), True),
    ]
    pipeline = Compose(transforms)

    def run() -> dict:
        return pipeline(dict(sample))

    np.random.seed(5)
    first = run()
    np.random.seed(5)
    second = run()
    third = run()
    for key in ('box', 'boxes', 'channel_gain', 'crops'):
        np.testing.assert_array_equal(first[key], second[key])
        assert not np.array_equal(first[key], third[key])
    with cache_random_params(transforms):
        np.testing.assert_array_equal(run()['boxes'], run()['boxes'])


@pytest.mark.parametrize(
    'transform', [lambda: RandomBoxScale(1.0), lambda: RandomBoxShift(0.5), lambda: RandomChannelNoise(2)]
)
def test_factors_out_of_range(transform: object) -> None:
    with pytest.raises(ValueError, match='factor must lie in'):
        transform()


def test_samples_without_labels_pass(sample: dict) -> None:
    for key in ('keypoints2d', 'keypoints3d', 'global_orient', 'body_pose', 'betas', 'pelvis'):
        del sample[key]
    results = Compose([ROLL, MIRROR, SCALE, MultiRoICrop(3, (32, 24)), PackHMRInputs()])(sample)
    assert results['inputs'].shape == (3, 3, 32, 24)
    assert 'keypoints2d' not in results['data_samples'].gt_instances
