"""MPI-INF-3DHP: annotations of MATLAB 5 and 7.3, cameras, videos, the test set."""

import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.datasets import HumanImageDataset, LoadImage
from mmroi.fileio import HumanData
from mmroi.structures import H36M_17, get_convention
from mmroi.structures.keypoint_names import HUMAN_DATA_190, MPI_INF_3DHP_28, MPI_INF_3DHP_TEST_17

from .mpi_inf_3dhp_download import CAMERAS, TESTS, Studio, write_annot
from .studio import WIDTH, gray_level, write_video

CHEST_HEIGHT = (0, 1, 2, 4, 5, 6, 7, 8)


@pytest.fixture(scope='session')
def recorded(tmp_path_factory, body):
    return Studio(tmp_path_factory.mktemp('mpi_inf_3dhp') / 'raw', body)


@pytest.fixture
def studio(recorded, tmp_path):
    """A copy that a test may spoil."""
    copy = object.__new__(Studio)
    copy.__dict__.update(recorded.__dict__, root=tmp_path / 'mpi')
    shutil.copytree(recorded.root, copy.root)
    return copy


def check_projections(npz: Path, root: Path, names: tuple[str, ...]) -> HumanImageDataset:
    """3D labels, projected with the file's intrinsics, must meet its 2D labels."""
    dataset = HumanImageDataset(str(npz), data_prefix=dict(img_path=str(root)), pipeline=[LoadImage()])
    smpl_54 = get_convention('smpl_54')
    columns = [smpl_54.index(name) for name in names if name in smpl_54]
    misc = dataset.data_list.human_data['misc']
    for i in range(len(dataset)):
        sample = dataset[i]
        joints, points = sample['keypoints3d'][columns], sample['keypoints2d'][columns]
        assert (joints[:, 3] == 1).all() and (points[:, 2] == 1).all()
        projected = sample['focal_length'] * joints[:, :2] / joints[:, 2:3] + sample['principal_point']
        assert np.abs(projected - points[:, :2]).max() < 0.5
        np.testing.assert_allclose(sample['focal_length'], misc['focal_lengths'][i], rtol=1e-6)
        assert misc['focal_length'][i] == pytest.approx(misc['focal_lengths'][i].mean())
    return dataset


def test_training_labels_meet_the_bodies(studio):
    summary = studio.convert()
    assert summary.path.name == 'mpi_inf_3dhp_train.npz'
    assert summary.rows == summary.images == 16 * 8 * 2 and not summary.left_out
    dataset = check_projections(summary.path, studio.root, MPI_INF_3DHP_28)
    human_data = dataset.data_list.human_data
    assert human_data['keypoints3d_mask'].sum() == 28
    order = [HUMAN_DATA_190.index(name) for name in MPI_INF_3DHP_28]
    for row, path in enumerate(human_data['image_path']):
        camera = int(path.split('video_')[1].split('/')[0])
        frame = int(human_data['misc']['frame'][row])
        joints = human_data['keypoints3d'][row, order, :3]
        np.testing.assert_allclose(joints, studio.joints[camera][frame], atol=1e-5)
        np.testing.assert_allclose(
            human_data['misc']['focal_lengths'][row], np.diag(CAMERAS[camera].intrinsics)[:2], rtol=1e-4
        )
        points = studio.points[camera][frame]
        size = points.max(0) - points.min(0)
        np.testing.assert_allclose(human_data['bbox_xywh'][row, 2:4], 1.2 * size, rtol=1e-4)


def test_cameras_and_frames(studio):
    paths = list(HumanData.fromfile(studio.convert().path)['image_path'])
    assert [path for path in paths if path.startswith('S3/Seq2/')] == [
        f'S3/Seq2/video_{camera}/{number:06d}.jpg' for camera in CHEST_HEIGHT for number in (1, 11)
    ]
    assert abs(gray_level(studio.root / paths[0])) < 4 and abs(gray_level(studio.root / paths[1]) - 100) < 4
    assert sum(1 for _ in (studio.root / 'S1').rglob('*.jpg')) == 2 * 8 * 2
    human_data = HumanData.fromfile(studio.convert(every=3).path)
    assert human_data['misc']['frame'].tolist() == [0, 3, 6, 9] * 128
    with pytest.raises(ValueError, match='--every 0'):
        studio.convert(every=0)


def test_people_beyond_the_image_are_left_out(studio):
    points = [values.copy() for values in studio.points]
    points[4][10, 5] = (2050, 100)
    points[5][:, 3] = (100, -1)
    write_annot(studio.root / 'S2' / 'Seq1' / 'annot.mat', points, studio.joints, '5')
    summary = studio.convert()
    assert summary.rows == 253 and summary.left_out == Counter({'joint outside the image': 3})


@pytest.mark.parametrize(
    'layout', ['S1/Seq1/imageFrames/video_0/frame_{number:06d}.jpg', 'S1/Seq1/video_0/frame_{number:06d}.jpg']
)
def test_frames_that_others_extracted(studio, layout):
    (studio.root / 'S1' / 'Seq1' / 'imageSequence' / 'video_0.avi').unlink()
    for number in (1, 11):
        path = studio.root / layout.format(number=number)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((240, WIDTH, 3), np.uint8))
    assert HumanData.fromfile(studio.convert().path)['image_path'][1] == layout.format(number=11)
    path.unlink()
    with pytest.raises(ValueError, match='missing image: row 1 of mpi_inf_3dhp train, S1/Seq1 camera 0'):
        studio.convert()


def test_interrupted_run_keeps_what_it_has(studio):
    video = studio.root / 'S1' / 'Seq2' / 'imageSequence' / 'video_1.avi'
    content = video.read_bytes()
    video.write_bytes(content[:100])
    with pytest.raises(ValueError, match='S1/Seq2/imageSequence/video_1.avi: .*damaged or truncated'):
        studio.convert()
    video.write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in studio.root.glob('S*/**/*.jpg')}
    assert len(before) == (8 + 1) * 2
    assert studio.convert().rows == 256
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_video_that_ends_early(studio):
    video = studio.root / 'S1' / 'Seq1' / 'imageSequence' / 'video_0.avi'
    write_video(video, 8, 'MJPG')
    summary = studio.convert()
    assert summary.rows == 255 and summary.left_out == Counter({'after the end of the video': 1})


def test_truncated_video_is_named(studio):
    video = studio.root / 'S1' / 'Seq1' / 'imageSequence' / 'video_0.avi'
    write_video(video, 40, 'MJPG')
    content = video.read_bytes()
    points = [np.tile(values, (4, 1, 1)) for values in studio.points]
    joints = [np.tile(values, (4, 1, 1)) for values in studio.joints]
    write_annot(studio.root / 'S1' / 'Seq1' / 'annot.mat', points, joints, '5')
    video.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r'video_0.avi: ends after \d+ of 40 frames; .*Download it again'):
        studio.convert()


def test_test_set(studio):
    summary = studio.convert('test')
    assert summary.path.name == 'mpi_inf_3dhp_test.npz' and summary.rows == 6 * 3
    assert summary.left_out == Counter({'frame not valid': 6})
    dataset = check_projections(summary.path, studio.root, MPI_INF_3DHP_TEST_17)
    human_data = dataset.data_list.human_data
    assert human_data['keypoints3d_mask'].sum() == 17
    assert list(human_data['image_path'])[1] == 'mpi_inf_3dhp_test_set/TS1/imageSequence/img_000003.jpg'
    assert human_data['misc']['frame'].tolist() == [0, 2, 3] * 6
    actions = [dataset.data_list[i]['action'] for i in range(3)]
    assert actions == ['Standing/Walking', 'Sitting', 'Miscellaneous']
    # The benchmark's 17 joints, root first, in meters and of the universal skeleton.
    columns = [get_convention('smpl_54').index(name) for name in H36M_17]
    order = [MPI_INF_3DHP_TEST_17.index(name) for name in H36M_17]
    for i, frame in enumerate((0, 2, 3)):
        joints = dataset.data_list[i]['keypoints3d'][columns]
        assert (joints[:, 3] == 1).all()
        np.testing.assert_allclose(joints[:, :3], 0.9 * studio.test_joints['TS1'][frame, order], atol=1e-5)


def test_intrinsics_of_the_test_set_are_found(studio):
    misc = HumanData.fromfile(studio.convert('test').path)['misc']
    for i, camera in enumerate(TESTS.values()):
        np.testing.assert_allclose(misc['focal_lengths'][3 * i], np.diag(camera.intrinsics)[:2], rtol=1e-4)
        np.testing.assert_allclose(misc['principal_point'][3 * i], camera.intrinsics[:2, 2], rtol=1e-4)


def drop(*names: str):
    def change(studio) -> None:
        path = studio.root.joinpath(*names)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def annot(points=lambda values: values, joints=lambda values: values, version: str = '5'):
    def change(studio) -> None:
        path = studio.root / 'S1' / 'Seq1' / 'annot.mat'
        write_annot(path, points(studio.points), joints(studio.joints), version)

    return change


def truncate(*names: str):
    def change(studio) -> None:
        path = studio.root.joinpath(*names)
        path.write_bytes(path.read_bytes()[:300])

    return change


def calibration(text: str):
    return lambda studio: (studio.root / 'S1' / 'Seq2' / 'camera.calibration').write_text(text)


@pytest.mark.parametrize(
    ('split', 'change', 'error', 'message'),
    [
        (
            'train',
            drop('S7', 'Seq2', 'annot.mat'),
            FileNotFoundError,
            'S7/Seq2/annot.mat: no such file.*docs/data.md',
        ),
        (
            'train',
            drop('S1', 'Seq1', 'imageSequence'),
            FileNotFoundError,
            'S1/Seq1/imageSequence/video_0.avi or .*jpg',
        ),
        ('train', truncate('S1', 'Seq1', 'annot.mat'), ValueError, 'S1/Seq1/annot.mat: cannot be read'),
        ('train', truncate('S1', 'Seq2', 'annot.mat'), ValueError, 'S1/Seq2/annot.mat: cannot be read'),
        (
            'train',
            annot(joints=lambda values: [1000 * array for array in values]),
            ValueError,
            'S1/Seq1 camera 0: .*larger than 4 m.*millimeters',
        ),
        (
            'train',
            annot(points=lambda values: [array[:, :20] for array in values]),
            ValueError,
            r"S1/Seq1/annot.mat: 'annot2' has shape \(11, 40\), expected \(N, 28, 2\)",
        ),
        (
            'train',
            annot(points=lambda values: [array[:9] for array in values], version='7.3'),
            ValueError,
            "'annot2' has 9 frames of camera 0, 'annot3' has 11",
        ),
        ('train', calibration('name 3\nintrinsic 1 2'), ValueError, 'camera.calibration: cannot be read'),
        (
            'train',
            calibration('name 3\n'),
            ValueError,
            r'camera.calibration: there is no camera 0; it has \[\]',
        ),
        ('test', drop('mpi_inf_3dhp_test_set', 'TS4'), FileNotFoundError, 'TS4/annot_data.mat: no such file'),
        (
            'test',
            truncate('mpi_inf_3dhp_test_set', 'TS1', 'annot_data.mat'),
            ValueError,
            'annot_data.mat: cannot be read',
        ),
        (
            'test',
            lambda studio: studio.write_test('TS2', valid_frame=np.ones((3, 1))),
            ValueError,
            "TS2/annot_data.mat: 'annot2' has 4 frames, 'valid_frame' 3",
        ),
    ],
)
def test_bad_downloads_are_named(studio, split, change, error, message):
    change(studio)
    with pytest.raises(error, match=message):
        studio.convert(split, skip_bad=True)


def test_missing_test_photo_is_named(studio):
    (studio.root / 'mpi_inf_3dhp_test_set' / 'TS5' / 'imageSequence' / 'img_000003.jpg').unlink()
    with pytest.raises(ValueError, match='missing image: row 1 of mpi_inf_3dhp test, TS5.*img_000003.jpg'):
        studio.convert('test')
    assert studio.convert('test', skip_bad=True).skipped == Counter({'missing image': 1})


def test_as_a_user(studio, run_tool):
    options = ('--splits', 'test', '--workers', 1, '--check', 2)
    folders = ('--root', studio.root, '--out', studio.root / 'out')
    done = run_tool('dataset_tools/convert.py', 'mpi_inf_3dhp', *folders, *options, environment=dict(PATH=''))
    assert 'mpi_inf_3dhp_test.npz: 18 people in 18 images' in done.stdout
    assert (studio.root / 'out' / 'mpi_inf_3dhp_test_check.jpg').is_file()
