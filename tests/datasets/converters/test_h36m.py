"""Human3.6M: CDF poses, cameras, videos, MoSh parameters and masks of MATLAB 7.3."""

import pickle
import shutil
from collections import Counter
from pathlib import Path

import cdflib
import cv2
import h5py
import numpy as np
import pytest
import torch

from mmroi.datasets import HumanImageDataset, LoadImage
from mmroi.evaluation.actions import parse_h36m_name
from mmroi.fileio import HumanData
from mmroi.structures import H36M_17, get_convention

from .conftest import Payload, Python2Pickler
from .h36m_download import (
    CAMERAS,
    FRAMES,
    TEST,
    TRAIN,
    Studio,
    raw_joints,
    write_all_mosh,
    write_cdf,
    write_mosh,
)
from .studio import gray_level, write_video


@pytest.fixture(scope='session')
def recorded(tmp_path_factory, body):
    return Studio(tmp_path_factory.mktemp('h36m') / 'raw', body)


@pytest.fixture
def studio(recorded, tmp_path):
    """A copy that a test may spoil."""
    copy = object.__new__(Studio)
    copy.__dict__.update(recorded.__dict__, root=tmp_path / 'h36m')
    shutil.copytree(recorded.root, copy.root)
    return copy


def camera_of(path: str) -> tuple[str, str]:
    photo = parse_h36m_name(path)
    return photo.subject, photo.camera


def test_labels_meet_the_bodies(studio):
    summary = studio.convert()
    assert summary.path.name == 'h36m_train.npz'
    assert summary.rows == summary.images == 5 * 2 * 3 and not summary.left_out and not summary.skipped
    dataset = HumanImageDataset(
        str(summary.path), data_prefix=dict(img_path=str(studio.root)), pipeline=[LoadImage()]
    )
    misc = dataset.data_list.human_data['misc']
    columns = [get_convention('smpl_54').index(name) for name in H36M_17]
    worst_without_distortion = 0
    for i in range(len(dataset)):
        sample = dataset[i]
        camera = CAMERAS[camera_of(sample['img_path'])]
        truth = camera.move(studio.performances[camera_of(sample['img_path'])[0]].joints_h36m)
        joints, points = sample['keypoints3d'][columns, :3], sample['keypoints2d'][columns, :2]
        np.testing.assert_allclose(joints, truth[misc['frame'][i]], atol=1e-5)
        np.testing.assert_array_equal(sample['keypoints2d'][columns, 2], 1)
        focal_lengths = np.diag(camera.intrinsics)[:2]
        np.testing.assert_allclose(misc['focal_lengths'][i], focal_lengths, rtol=1e-6)
        np.testing.assert_allclose(sample['focal_length'], focal_lengths, rtol=1e-6)
        assert misc['focal_length'][i] == pytest.approx(focal_lengths.mean())
        pinhole = camera.intrinsics.copy()
        pinhole[:2, 2] = sample['principal_point']
        lens = camera._replace(intrinsics=pinhole, distortion=misc['distortion'][i].astype(float))
        assert np.abs(lens.project(joints.astype(float)) - points).max() < 0.5
        straight = lens._replace(distortion=np.zeros(5)).project(joints.astype(float))
        worst_without_distortion = max(worst_without_distortion, np.abs(straight - points).max())
    assert worst_without_distortion > 0.5


def test_ten_frames_a_second_are_those_of_the_labels(studio):
    human_data = HumanData.fromfile(studio.convert().path)
    assert human_data['misc']['frame'].tolist() == [0, 5, 10] * 10
    paths = list(human_data['image_path'])
    assert paths[1] == 'S1/images/S1_TakingPhoto_1.54138969/S1_TakingPhoto_1.54138969_000006.jpg'
    for path, frame in zip(paths[:3], (0, 5, 10), strict=True):
        assert abs(gray_level(studio.root / path) - 10 * frame) < 4
    assert sum(1 for _ in studio.root.rglob('*.jpg')) == 30


def test_protocols_and_what_evaluation_reads(studio):
    studio.write('S9', '_ALL', '60457274')
    first, second = studio.convert('valid_protocol1'), studio.convert('valid_protocol2')
    assert (first.path.name, second.path.name) == ('h36m_valid_protocol1.npz', 'h36m_valid_protocol2.npz')
    assert (first.rows, second.rows) == (3 * (4 + 2), 3 * 2)
    dataset = HumanImageDataset(str(second.path), data_prefix=dict(img_path=str(studio.root)))
    photos = [parse_h36m_name(dataset.data_list[i]['img_path']) for i in range(6)]
    assert {photo.camera for photo in photos} == {'60457274'}
    assert [(photo.subject, photo.action) for photo in photos] == (
        3 * [('S9', 'Photo')] + 3 * [('S11', 'Directions')]
    )
    columns = [get_convention('smpl_54').index(name) for name in H36M_17]
    for i in range(6):
        assert (dataset.data_list[i]['keypoints3d'][columns, 3] == 1).all()


def test_poses_of_the_world_are_brought_before_the_camera(studio):
    human_data = HumanData.fromfile(studio.convert('valid_protocol1').path)
    expected = {key: human_data[key] for key in ('keypoints3d', 'keypoints2d')}  # read before it is replaced
    for subject in TEST:
        poses = studio.root / subject / 'MyPoseFeatures'
        shutil.rmtree(poses / 'D3_Positions_mono')
        write_cdf(
            poses / 'D3_Positions' / f'{studio.action(subject)}.cdf',
            raw_joints(1000 * studio.performances[subject].joints_h36m),
        )
        (poses / 'D2_Positions').rename(poses.parent / 'Poses_D2_Positions')  # h36m-fetch
    (studio.root / 'Release-v1.2').mkdir()
    (studio.root / 'metadata.xml').rename(studio.root / 'Release-v1.2' / 'metadata.xml')
    found = HumanData.fromfile(studio.convert('valid_protocol1').path)
    np.testing.assert_allclose(found['keypoints3d'], expected['keypoints3d'], atol=1e-5)
    np.testing.assert_array_equal(found['keypoints2d'], expected['keypoints2d'])


def test_universal_skeleton(studio):
    for subject in TRAIN:
        for path in (studio.root / subject / 'MyPoseFeatures' / 'D3_Positions_mono').iterdir():
            values = cdflib.CDF(path).varget('Pose')[0]
            write_cdf(path.parents[1] / 'D3_Positions_mono_universal' / path.name, 1.1 * values)
    own, universal = (
        HumanData.fromfile(studio.convert(universal=choice).path)['keypoints3d'] for choice in (False, True)
    )
    np.testing.assert_allclose(universal[..., :3], 1.1 * own[..., :3], rtol=1e-4)


def test_mosh_bodies_meet_the_labels(studio, body):
    write_all_mosh(studio)
    summary = studio.convert(mosh=Path('mosh'))
    assert summary.path.name == 'h36m_mosh_train.npz' and summary.rows == 30
    human_data = HumanData.fromfile(summary.path)
    assert set(human_data['meta']['gender']) == {'n'} and human_data['has_smpl'].all()
    dataset = HumanImageDataset(str(summary.path), data_prefix=dict(img_path=str(studio.root)))
    columns = [get_convention('smpl_54').index(name) for name in H36M_17]
    for i in range(30):
        sample = dataset.data_list[i]
        vectors = [torch.from_numpy(sample[key][None]) for key in ('global_orient', 'body_pose', 'betas')]
        joints = body(*vectors).joints_h36m[0].numpy().astype(float)
        joints += sample['keypoints3d'][columns[0], :3] - joints[0]
        points = CAMERAS[camera_of(sample['img_path'])].project(joints)
        assert np.abs(points - sample['keypoints2d'][columns, :2]).max() < 0.5


def test_sequences_and_frames_without_mosh_are_left_out(studio):
    write_all_mosh(studio)
    (studio.root / 'mosh' / 'S5' / 'TakingPhoto 1_cam0_aligned.pkl').unlink()
    write_mosh(studio, 'S6', '60457274', slice(0, 6, 5))
    summary = studio.convert(mosh=studio.root / 'mosh')
    assert summary.rows == 30 - 3 - 1 and summary.left_out == Counter({'no MoSh parameters': 4})


@pytest.mark.parametrize(
    'layout',
    [
        'S11/images/{stem}/{stem}_{number:06d}.jpg',
        'S11/images/{stem}_{number:06d}.jpg',
        'S11/S11_TakingPhoto/{stem}/{stem}_{number:06d}.jpg',
    ],
)
def test_frames_that_others_extracted(studio, layout):
    shutil.rmtree(studio.root / 'S11' / 'MyPoseFeatures')
    studio.write('S11', 'TakingPhoto', '60457274')
    (studio.root / 'S11' / 'Videos' / 'TakingPhoto.60457274.mp4').unlink()
    for number in (1, 6, 11):
        path = studio.root / layout.format(stem='S11_TakingPhoto.60457274', number=number)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((240, 256, 3), np.uint8))
    human_data = HumanData.fromfile(studio.convert('valid_protocol2').path)
    assert list(human_data['image_path'])[-1] == layout.format(stem='S11_TakingPhoto.60457274', number=11)


def test_interrupted_run_keeps_what_it_has(studio):
    video = studio.root / 'S8' / 'Videos' / 'TakingPhoto 1.60457274.mp4'
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match='S8/Videos/TakingPhoto 1.60457274.mp4: cannot be opened.*Download'):
        studio.convert()
    video.write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in studio.root.rglob('*.jpg')}
    assert len(before) == 27
    lost = min(before)
    lost.unlink()
    shutil.rmtree(studio.root / 'out')  # only the pictures are left of the first run
    assert studio.convert().rows == 30
    assert gray_level(lost) < 4 and len(list(studio.root.rglob('*.jpg'))) == 30
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path != lost)
    assert not list(studio.root.rglob('.*.jpg.*'))


def test_video_that_the_release_has_damaged(studio):
    (studio.root / 'S11' / 'Videos' / 'Directions.54138969.mp4').write_bytes(b'damaged')
    summary = studio.convert('valid_protocol1')
    assert summary.rows == 15 and summary.left_out == Counter({'after the end of the video': 3})
    (studio.root / 'S11' / 'Videos' / 'Directions.54138969.mp4').unlink()
    assert studio.convert('valid_protocol1').rows == 15


def test_video_shorter_than_the_labels(studio):
    write_video(studio.root / 'S9' / 'Videos' / 'TakingPhoto 1.60457274.mp4', 9, 'mp4v')
    summary = studio.convert('valid_protocol2')
    assert summary.rows == 5 and summary.left_out == Counter({'after the end of the video': 1})


def test_boxes(studio):
    human_data = HumanData.fromfile(studio.convert('valid_protocol2').path)
    points = human_data['keypoints2d'][..., :2][:, human_data['keypoints2d_mask'] == 1]
    low, high = points.min(1), points.max(1)
    expected = np.concatenate([(low + high) / 2 - 0.6 * (high - low), 1.2 * (high - low)], 1)
    np.testing.assert_allclose(human_data['bbox_xywh'][:, :4], expected, atol=1e-3)

    for subject in TEST:
        folder = studio.root / subject / 'MySegmentsMat' / 'ground_truth_bs'
        path = folder / f'{studio.action(subject)}.60457274.mat'
        folder.mkdir(parents=True)
        with h5py.File(path, 'w') as file:
            references = file.create_dataset('Masks', (FRAMES, 1), h5py.ref_dtype)
            for frame in range(FRAMES):
                mask = np.zeros((240, 256), np.uint8)
                if frame != 5 or subject != 'S9':
                    mask[40:140, 100 + frame : 150 + frame] = 1
                references[frame, 0] = file.create_dataset(f'#refs#/{frame}', data=mask.T).ref
    with pytest.raises(ValueError, match='NaN box: row 1 of h36m valid_protocol2, S9 TakingPhoto 1.60457274'):
        studio.convert('valid_protocol2', mask_boxes=True)
    summary = studio.convert('valid_protocol2', mask_boxes=True, skip_bad=True)
    assert summary.rows == 5 and summary.skipped == Counter({'NaN box': 1})
    boxes = HumanData.fromfile(summary.path)['bbox_xywh'][:, :4]
    np.testing.assert_allclose(boxes[0], (125 - 22.5, 90 - 45, 45, 90))
    np.testing.assert_allclose(boxes[1], (135 - 22.5, 90 - 45, 45, 90))


def spoil_cdf(root: Path) -> None:
    path = root / 'S9' / 'MyPoseFeatures' / 'D3_Positions_mono' / 'TakingPhoto 1.60457274.cdf'
    path.write_bytes(path.read_bytes()[:200])


def other_cdf(kind: str, shape: tuple[int, ...], factor: float = 1.0):
    def change(root: Path) -> None:
        path = root / 'S9' / 'MyPoseFeatures' / kind / 'TakingPhoto 1.60457274.cdf'
        write_cdf(path, factor * cdflib.CDF(path).varget('Pose')[0] if factor != 1 else np.ones(shape))

    return change


def metadata(text: str | None):
    def change(root: Path) -> None:
        path = root / 'metadata.xml'
        path.unlink() if text is None else path.write_text(text)

    return change


def no_folder(*names: str):
    return lambda root: shutil.rmtree(root.joinpath(*names))


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (spoil_cdf, ValueError, "D3_Positions_mono/TakingPhoto 1.60457274.cdf: 'Pose' cannot be read"),
        (
            other_cdf('D3_Positions_mono', (12, 30)),
            ValueError,
            r"cdf: 'Pose' has shape \(12, 30\), expected \(N, 32, 3\)",
        ),
        (other_cdf('D2_Positions', (11, 64)), ValueError, '1.60457274.cdf: has 11 frames, the 3D .* 12'),
        (
            other_cdf('D3_Positions_mono', (), 1000),
            ValueError,
            'S9 TakingPhoto 1.60457274: .*larger than 4 m.*millimeters',
        ),
        (
            no_folder('S11', 'MyPoseFeatures'),
            FileNotFoundError,
            'S11/MyPoseFeatures/D2_Positions/.*docs/data.md',
        ),
        (
            no_folder('S9', 'MyPoseFeatures', 'D3_Positions_mono'),
            FileNotFoundError,
            'D3_Positions_mono/TakingPhoto 1.60457274.cdf: no such file',
        ),
        (no_folder('S9', 'Videos'), FileNotFoundError, '1.60457274.mp4 or .*_000001.jpg: no such file'),
        (metadata(None), FileNotFoundError, 'metadata.xml.*: no such file'),
        (metadata('<a><w0>[1'), ValueError, 'metadata.xml: cannot be read'),
        (metadata('<a><w0>[1 2]</w0></a>'), ValueError, "'w0' has 2 numbers"),
        (metadata('<a/>'), ValueError, 'it has no <w0>'),
    ],
)
def test_bad_downloads_are_named(studio, change, error, message):
    change(studio.root)
    with pytest.raises(error, match=message):
        studio.convert('valid_protocol2', skip_bad=True)


def test_bad_mosh_is_named(studio):
    with pytest.raises(FileNotFoundError, match='mosh/S1: no such folder. --mosh names'):
        studio.convert(mosh=Path('mosh'))
    write_all_mosh(studio)
    path = write_mosh(studio, 'S1', '54138969')
    made = studio.root / 'made'
    with open(path, 'wb') as file:
        Python2Pickler(file).dump(dict(new_poses=np.zeros((3, 70)), betas=np.zeros(10)))
    with pytest.raises(ValueError, match=r"cam0_aligned.pkl: 'new_poses' has shape \(3, 70\)"):
        studio.convert(mosh=Path('mosh'))
    path.write_bytes(pickle.dumps(dict(new_poses=Payload(made), betas=0), protocol=2))
    with pytest.raises(pickle.UnpicklingError, match='cam0_aligned.pkl: refused to unpickle'):
        studio.convert(mosh=Path('mosh'))
    assert not made.exists()


def test_as_a_user(studio, run_tool):
    options = ('--splits', 'valid_protocol2', '--workers', 1, '--check', 2)
    folders = ('--root', studio.root, '--out', studio.root / 'out')
    done = run_tool('dataset_tools/convert.py', 'h36m', *folders, *options, environment=dict(PATH=''))
    assert 'h36m_valid_protocol2.npz: 6 people in 6 images' in done.stdout
    assert (studio.root / 'out' / 'h36m_valid_protocol2_check.jpg').is_file()
