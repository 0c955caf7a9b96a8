"""3DPW in miniature: pickles of Python 2, bodies in the world, a camera that moves."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmroi.datasets.converters import convert_split
from mmroi.fileio import HumanData
from mmroi.registry import CONVERTERS

from .conftest import HEIGHT, WIDTH, Payload, Python2Pickler, check_projections, make_people, write_photos

PRINCIPAL_POINT = (WIDTH / 2 + 12, HEIGHT / 2 - 7)


@pytest.fixture
def sequence(people, body):
    """Two people of three frames; the camera of the second person's second frame is not aligned."""
    rng = np.random.default_rng(1)
    cam_poses = np.tile(np.eye(4), (3, 1, 1))
    cam_poses[:, :3, :3] = Rotation.random(3, random_state=2).as_matrix()
    cam_poses[:, :3, 3] = rng.normal(0, 3, (3, 3))
    shift = np.subtract(PRINCIPAL_POINT, (WIDTH / 2, HEIGHT / 2))
    data = dict(
        sequence='courtyard_00',
        genders=['m', 'f'],
        cam_poses=cam_poses,
        cam_intrinsics=np.array(
            [
                [people.focal_length, 0, PRINCIPAL_POINT[0]],
                [0, people.focal_length, PRINCIPAL_POINT[1]],
                [0, 0, 1],
            ]
        ),
        img_frame_ids=np.arange(3) * 2,
        campose_valid=[np.ones(3, int), np.array([1, 0, 1])],
    )
    for key in ('poses', 'betas', 'trans', 'poses2d', 'jointPositions'):
        data[key] = []
    for person in range(2):
        rows = slice(3 * person, 3 * person + 3)
        to_world = np.linalg.inv(cam_poses)
        joints = people.joints[rows, :24] @ to_world[:, :3, :3].transpose(0, 2, 1) + to_world[:, None, :3, 3]
        pose = people.pose[rows].astype(np.float64)
        rest_root = people.joints[rows, 0] - people.transl[rows]
        turn = Rotation.from_matrix(to_world[:, :3, :3])
        pose[:, :3] = (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
        data['poses'].append(pose)
        data['trans'].append(joints[:, 0] - rest_root)
        data['betas'].append(people.betas[3 * person])
        data['jointPositions'].append(joints.reshape(3, 72))
        points = people.labels('pw3d')[rows]
        points[..., :2] += shift
        data['poses2d'].append(points.transpose(0, 2, 1))
    return data


@pytest.fixture
def people(body):
    first = make_people(body, 6)
    # One shape for each person of the sequence.
    return make_people(body, 6, betas=np.repeat(first.betas[[0, 3]], 3, 0))


def write(root: Path, sequence: dict, split: str = 'test', pickler=Python2Pickler) -> Path:
    path = root / 'sequenceFiles' / split / f'{sequence["sequence"]}.pkl'
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as file:
        pickler(file).dump(sequence)
    write_photos(root / 'imageFiles' / sequence['sequence'], [f'image_{i:05d}.jpg' for i in range(3)])
    return path


def convert(root: Path, **kwargs):
    return convert_split(CONVERTERS.get('pw3d')(root), 'test', root / 'out', progress=False, **kwargs)


def test_bodies_meet_the_labels(tmp_path, sequence, body):
    write(tmp_path, sequence)
    summary = convert(tmp_path)
    assert summary.path.name == 'pw3d_test.npz' and summary.rows == 5 and summary.images == 3
    assert summary.left_out == Counter({'camera not aligned to the frame': 1})
    check_projections(summary.path, tmp_path, body, 5, 18)


@pytest.mark.parametrize('genders', [[b'm', b'f'], [0, 1], np.array(['male', 'FEMALE'])])
def test_genders_in_any_spelling(tmp_path, sequence, genders):
    write(tmp_path, dict(sequence, genders=genders))
    assert HumanData.fromfile(convert(tmp_path).path)['meta']['gender'] == ['m', 'm', 'm', 'f', 'f']


def test_camera_frame_gender_and_what_is_kept(tmp_path, sequence, people):
    write(tmp_path, sequence)
    human_data = HumanData.fromfile(convert(tmp_path).path)
    rows = [0, 1, 2, 3, 5]
    smpl = human_data['smpl']
    turned = Rotation.from_rotvec(smpl['global_orient']) * Rotation.from_rotvec(people.pose[rows, :3]).inv()
    assert turned.magnitude().max() < 1e-5
    np.testing.assert_allclose(smpl['transl'], people.transl[rows], atol=1e-5)
    np.testing.assert_allclose(smpl['body_pose'].reshape(5, 69), people.pose[rows, 3:], atol=1e-6)
    assert human_data['meta']['gender'] == ['m', 'm', 'm', 'f', 'f']
    misc = human_data['misc']
    assert misc['person_id'].tolist() == [0, 0, 0, 1, 1] and misc['frame'].tolist() == [0, 1, 2, 0, 2]
    np.testing.assert_allclose(misc['principal_point'], [PRINCIPAL_POINT] * 5)
    assert list(human_data['image_path'])[4] == 'imageFiles/courtyard_00/image_00002.jpg'
    low, high = (getattr(sequence['poses2d'][0][0, :2], end)(1) for end in ('min', 'max'))
    np.testing.assert_allclose(human_data['bbox_xywh'][0, :2], low - 0.1 * (high - low), rtol=1e-6)
    np.testing.assert_allclose(human_data['bbox_xywh'][0, 2:4], 1.2 * (high - low), rtol=1e-6)


def test_different_focal_lengths_give_their_mean(tmp_path, sequence):
    sequence['cam_intrinsics'][0, 0], sequence['cam_intrinsics'][1, 1] = 400, 402
    write(tmp_path, sequence)
    misc = HumanData.fromfile(convert(tmp_path).path)['misc']
    assert misc['focal_length'].tolist() == [401] * 5
    assert misc['focal_lengths'].tolist() == [[400, 402]] * 5


def test_joints_below_half_visible_are_dropped_but_hold_the_box(tmp_path, sequence):
    sequence['poses2d'][0][0, :, 4] = (3, 4, 0.4)
    write(tmp_path, sequence)
    human_data = HumanData.fromfile(convert(tmp_path).path)
    assert (human_data['keypoints2d'][0, :, 2] > 0).sum() == 17
    x, y, width, height = human_data['bbox_xywh'][0, :4]
    np.testing.assert_allclose((x + width / 12, y + height / 12), (3, 4), atol=1e-4)


def test_frames_without_detected_joint_are_left_out(tmp_path, sequence):
    sequence['poses2d'][1][2] = 0
    write(tmp_path, sequence)
    summary = convert(tmp_path)
    assert summary.rows == 4 and summary.left_out['no joint detected'] == 1


def test_splits(tmp_path, sequence):
    for split in ('train', 'validation'):
        write(tmp_path, sequence, split)
        found = convert_split(CONVERTERS.get('pw3d')(tmp_path), split, tmp_path / 'out', progress=False)
        assert found.path.name == f'pw3d_{split}.npz' and found.rows == 5
    with pytest.raises(FileNotFoundError, match='sequenceFiles/test/.*docs/data.md'):
        convert(tmp_path)


def test_pickle_with_a_payload_is_refused(tmp_path, sequence):
    made = tmp_path / 'made'
    sequence['genders'] = Payload(made)
    path = write(tmp_path, sequence, pickler=lambda file: pickle.Pickler(file, protocol=2))
    with pytest.raises(pickle.UnpicklingError, match=f'{path.name}: refused to unpickle.*Do not trust'):
        convert(tmp_path)
    assert not made.exists()


def test_truncated_pickle(tmp_path, sequence):
    path = write(tmp_path, sequence)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match='courtyard_00.pkl: cannot be read.*truncated'):
        convert(tmp_path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda data: data.pop('cam_poses'), "courtyard_00.pkl: 'cam_poses' is missing"),
        (
            lambda data: data.update(poses=[np.zeros((3, 75))] * 2),
            "courtyard_00.pkl: 'poses' of person 0 has shape",
        ),
        (
            lambda data: data.update(trans=[np.zeros((2, 3))] * 2),
            "'trans' of person 0 has 2 frames, the camera 3",
        ),
        (
            lambda data: data.update(jointPositions=[1000 * joints for joints in data['jointPositions']]),
            'pw3d test, courtyard_00: body larger than 4 m in most rows.*millimeters',
        ),
    ],
)
def test_wrong_content(tmp_path, sequence, change, message):
    change(sequence)
    write(tmp_path, sequence)
    with pytest.raises(ValueError, match=message):
        convert(tmp_path, skip_bad=True)


def test_missing_photo_is_named_or_counted(tmp_path, sequence):
    write(tmp_path, sequence)
    (tmp_path / 'imageFiles' / 'courtyard_00' / 'image_00001.jpg').unlink()
    with pytest.raises(ValueError, match='missing image: row 1 of pw3d test, courtyard_00.*image_00001.jpg'):
        convert(tmp_path)
    assert convert(tmp_path, skip_bad=True).skipped == Counter({'missing image': 1})


def test_mmhuman3d_reads_the_file(tmp_path, sequence, import_mmhuman3d):
    write(tmp_path, sequence)
    path = convert(tmp_path).path
    ours = HumanData.fromfile(path)
    theirs = import_mmhuman3d('data.data_structures.human_data').HumanData.fromfile(str(path))
    for key in ('keypoints2d', 'keypoints3d', 'bbox_xywh'):
        np.testing.assert_array_equal(theirs[key], ours[key])
    np.testing.assert_array_equal(theirs['smpl']['body_pose'], ours['smpl']['body_pose'])
    assert theirs['meta']['gender'] == ours['meta']['gender']
