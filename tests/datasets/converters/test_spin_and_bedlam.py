"""npz files of SPIN and BEDLAM in miniature."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mmroi.datasets.converters import convert_split
from mmroi.fileio import HumanData
from mmroi.registry import CONVERTERS

from .conftest import HEIGHT, WIDTH, Payload, People, check_projections, write_photos


def convert(name: str, root: Path, **options):
    return convert_split(CONVERTERS.get(name)(root, **options), 'train', root / 'out', progress=False)


def spin_arrays(people: People) -> dict[str, np.ndarray]:
    centers, scales = people.crops()
    return dict(
        imgname=np.array([f'images/{i}.jpg' for i in range(6)]),
        center=centers,
        scale=scales,
        part=people.labels('smpl_24'),
        openpose=people.labels('smpl_49')[:, :25],
        S=np.ones((6, 24, 4)),
        pose=people.pose,
        shape=people.betas,
        has_smpl=np.array([1, 1, 0, 1, 1, 1]),
    )


def write_spin(root: Path, arrays: dict[str, np.ndarray], name: str = 'mpii_train.npz') -> Path:
    write_photos(root, [f'images/{i}.jpg' for i in range(6)])
    np.savez(root / name, **arrays)
    return Path(name)


@pytest.mark.parametrize(
    ('name', 'output'),
    [
        ('mpii_train.npz', 'spin_mpii_train.npz'),
        ('hr-lspet_train.npz', 'spin_lspet_train.npz'),
        ('lsp_dataset_original_train.npz', 'spin_lsp_train.npz'),
    ],
)
def test_spin(tmp_path, people, name, output):
    summary = convert('spin', tmp_path, labels_file=write_spin(tmp_path, spin_arrays(people), name))
    assert summary.path.name == output and summary.rows == 6
    human_data = HumanData.fromfile(summary.path)
    assert human_data['has_smpl'].tolist() == [1, 1, 0, 1, 1, 1]
    assert human_data['keypoints2d_mask'].sum() == 49 and human_data['keypoints3d_mask'].sum() == 24
    np.testing.assert_allclose(human_data['smpl']['body_pose'].reshape(6, 69), people.pose[:, 3:], rtol=1e-6)


def test_people_without_body_may_hold_nan_poses(tmp_path, people):
    arrays = spin_arrays(people)
    arrays['pose'] = np.where(arrays['has_smpl'][:, None] > 0, arrays['pose'], np.nan)
    assert convert('spin', tmp_path, labels_file=write_spin(tmp_path, arrays)).rows == 6


def test_spin_without_openpose_or_any_joints(tmp_path, people):
    arrays = spin_arrays(people)
    del arrays['openpose']
    human_data = HumanData.fromfile(convert('spin', tmp_path, labels_file=write_spin(tmp_path, arrays)).path)
    assert human_data['keypoints2d_mask'].sum() == 24
    for key in ('part', 'S', 'has_smpl'):  # as SPIN's 3dpw_test.npz
        del arrays[key]
    arrays['gender'] = np.array(['m', 'f'] * 3)
    human_data = HumanData.fromfile(
        convert('spin', tmp_path, labels_file=write_spin(tmp_path, arrays, '3dpw_test.npz')).path
    )
    assert 'keypoints2d' not in human_data and human_data['meta']['gender'] == ['m', 'f'] * 3
    assert human_data['has_smpl'].tolist() == [1] * 6


def test_spin_needs_its_file(tmp_path):
    with pytest.raises(ValueError, match='name the npz to convert with --labels-file'):
        convert('spin', tmp_path)
    with pytest.raises(FileNotFoundError, match='absent.npz: no such file'):
        convert('spin', tmp_path, labels_file=Path('absent.npz'))


def test_npz_with_a_payload_is_refused(tmp_path, people):
    arrays = spin_arrays(people)
    made = tmp_path / 'made'
    arrays['imgname'] = np.array([Payload(made)] * 6, object)
    with pytest.raises(pickle.UnpicklingError, match='mpii_train.npz: refused to unpickle .imgname.'):
        convert('spin', tmp_path, labels_file=write_spin(tmp_path, arrays))
    assert not made.exists()


def write_bedlam(root: Path, people: People, scene: str, **changes) -> None:
    centers, scales = people.crops()
    moved = np.tile(np.eye(4), (6, 1, 1))
    moved[:, :3, 3] = (0.5, -0.25, 2)  # of the camera; what is left is the body's
    focal = people.focal_length
    intrinsics = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    names = [f'seq_000000/seq_000000_{i:04d}.png' for i in range(6)]
    arrays = dict(
        imgname=np.array(names),
        center=centers,
        scale=scales,
        pose_cam=people.pose,
        shape=people.betas,
        trans_cam=people.transl - moved[:, :3, 3],
        cam_ext=moved,
        cam_int=np.tile(intrinsics, (6, 1, 1)),
        gtkps=people.points[:, :45],
        gender=np.array(['neutral'] * 6),
    )
    folder = root / 'training_labels' / 'all_npz_12_smpl_training'
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f'{scene}.npz', **{**arrays, **changes})
    write_photos(root / 'training_images' / scene / 'png', names)


def test_bedlam_bodies_meet_the_labels(tmp_path, people, body):
    write_bedlam(tmp_path, people, 'suburb_6fps')
    write_bedlam(tmp_path, people, 'suburb_closeup_6fps')
    summary = convert('bedlam', tmp_path)
    assert summary.path.name == 'bedlam_train.npz' and summary.rows == 6
    assert summary.left_out == Counter({'image rotated by 90 degrees': 6})
    check_projections(summary.path, tmp_path, body, 6, 24)
    human_data = HumanData.fromfile(summary.path)
    assert human_data['image_path'][0] == 'training_images/suburb_6fps/png/seq_000000/seq_000000_0000.png'
    assert human_data['meta']['gender'] == ['n'] * 6


def test_bedlam_with_hands_is_refused(tmp_path, people):
    write_bedlam(tmp_path, people, 'suburb', pose_cam=np.zeros((6, 165)))
    with pytest.raises(ValueError, match='suburb.npz: holds SMPL-X poses of 165 numbers'):
        convert('bedlam', tmp_path)


@pytest.mark.parametrize(
    'genders',
    [
        np.array([0, 1, -1, 0, 1, -1]),  # SPIN's numbers
        np.array([0.0, 1, np.nan, 0, 1, -1]),
        np.array([b'm', b'f', b'n', b'male', b'Female', b'']),
        np.array(['male', 'f', None, 'M', b'f', 'neutral'], object),
    ],
)
def test_genders_in_any_spelling(tmp_path, people, genders):
    arrays = dict(spin_arrays(people), gender=genders)
    summary = convert('spin', tmp_path, labels_file=write_spin(tmp_path, arrays))
    assert HumanData.fromfile(summary.path)['meta']['gender'] == ['m', 'f', 'n'] * 2
    write_bedlam(tmp_path, people, 'suburb', gender=genders)
    summary = convert('bedlam', tmp_path)
    assert HumanData.fromfile(summary.path)['meta']['gender'] == ['m', 'f', 'n'] * 2


def test_an_unknown_gender_names_file_and_row(tmp_path, people):
    labels = write_spin(tmp_path, dict(spin_arrays(people), gender=np.array([0, 1, 7, 0, 1, 1])))
    with pytest.raises(
        ValueError, match=r"gender \"7\" of row 2 of .*mpii_train.npz: 'gender' is unknown; exp"
    ):
        convert('spin', tmp_path, labels_file=labels)


def test_neutral_betas_of_bedlam_are_not_those_of_the_actor(tmp_path, people):
    betas = np.concatenate([people.betas, np.zeros((6, 1))], 1)
    write_bedlam(tmp_path, people, 'suburb', shape=betas, gender=np.array(['female', 'male'] * 3))
    human_data = HumanData.fromfile(convert('bedlam', tmp_path).path)
    assert human_data['meta']['gender'] == ['n'] * 6 and human_data['smpl']['betas'].shape == (6, 10)


def test_names_as_bytes(tmp_path, people):
    names = [f'images/\u00fc{i}.jpg' for i in range(6)]
    write_photos(tmp_path, names)
    arrays = dict(spin_arrays(people), imgname=np.array([name.encode() for name in names]))
    np.savez(tmp_path / 'labels.npz', **arrays)
    summary = convert('spin', tmp_path, labels_file=Path('labels.npz'))
    assert list(HumanData.fromfile(summary.path)['image_path']) == names


def test_any_wrong_content_names_the_file(tmp_path, people):
    arrays = dict(spin_arrays(people), openpose=np.zeros((5, 25, 3)))  # one row is missing
    with pytest.raises(ValueError, match=rf'{tmp_path}.* cannot be used \('):
        convert('spin', tmp_path, labels_file=write_spin(tmp_path, arrays))
