import pickle
from pathlib import Path

import numpy as np
import pytest

from mmroi.fileio import HumanData


def _assert_equal(a: HumanData, b: HumanData) -> None:
    assert set(a) == set(b)
    for key in a:
        if isinstance(a[key], dict):
            assert set(a[key]) == set(b[key])
            for name, value in a[key].items():
                np.testing.assert_array_equal(b[key][name], value)
        else:
            np.testing.assert_array_equal(np.asarray(b[key]), np.asarray(a[key]))


@pytest.mark.parametrize('compress', [False, True])
def test_round_trip(people: HumanData, tmp_path: Path, compress: bool) -> None:
    people.dump(tmp_path / 'a.npz', compress)
    read = HumanData.fromfile(tmp_path / 'a.npz')
    assert read.data_len == people.data_len == 8
    assert isinstance(read['keypoints2d_convention'], str) and isinstance(read['smpl'], dict)
    _assert_equal(people, read)


def test_keypoints_compressed_by_mask_come_back_padded(people: HumanData, tmp_path: Path) -> None:
    mask = (np.arange(54) % 3 > 0).astype(np.uint8)
    masked = HumanData({**people, 'keypoints2d_mask': mask, 'keypoints3d_mask': 1 - mask})
    masked.compress_keypoints_by_mask()
    masked.dump(tmp_path / 'a.npz')
    read = HumanData.fromfile(tmp_path / 'a.npz')
    assert read.keypoints_compressed
    assert read.raw('keypoints2d').shape == (8, 36, 3) and read.raw('keypoints3d').shape == (8, 18, 4)
    np.testing.assert_array_equal(read['keypoints2d'], people['keypoints2d'] * mask[:, None])
    np.testing.assert_array_equal(read['keypoints3d'], people['keypoints3d'] * (1 - mask)[:, None])


def test_file_as_mmhuman3d_writes_it(people: HumanData, tmp_path: Path) -> None:
    """Attributes as 0-d arrays, dictionaries as pickled object arrays, missing values as None, boxes of four
    numbers."""
    members = {key: people[key] for key in people}
    members.update(bbox_xywh=people['bbox_xywh'][:, :4], meta=dict(gender=['m'] * 8), vertices=None)
    np.savez_compressed(
        tmp_path / 'a.npz', __key_strict__=True, __data_len__=8, __keypoints_compressed__=False, **members
    )
    read = HumanData.fromfile(tmp_path / 'a.npz')
    np.testing.assert_array_equal(read['bbox_xywh'], people['bbox_xywh'])
    assert read['meta'] == dict(gender=['m'] * 8)
    assert 'vertices' not in read or read['vertices'] is None
    assert not any(key.startswith('__') for key in read)
    # And what is written is what its loader expects: every value by np.load, attributes by name.
    read.dump(tmp_path / 'b.npz')
    with np.load(tmp_path / 'b.npz', allow_pickle=True) as file:
        assert file['__data_len__'].item() == 8 and file['__keypoints_compressed__'].item() is False
        assert file['__key_strict__'].item() is False
        np.testing.assert_array_equal(file['smpl'].item()['betas'], people['smpl']['betas'])


def test_compressing_without_mask_names_the_key(people: HumanData) -> None:
    unmasked = HumanData({key: people[key] for key in people if key != 'keypoints3d_mask'})
    with pytest.raises(KeyError, match='keypoints3d_mask'):
        unmasked.compress_keypoints_by_mask()


def test_mask_that_contradicts_compressed_keypoints(people: HumanData, tmp_path: Path) -> None:
    masked = HumanData(people)
    masked.compress_keypoints_by_mask()
    masked['keypoints2d_mask'] = np.arange(54) < 50
    masked.dump(tmp_path / 'a.npz')
    with pytest.raises(ValueError, match=r"a\.npz: 'keypoints2d' holds 54 joints but its mask names 50"):
        HumanData.fromfile(tmp_path / 'a.npz')['keypoints2d']


def test_missing_key_names_file_and_remedy(data_root: Path) -> None:
    with pytest.raises(KeyError, match=r"people\.npz: key 'vertices' is missing; the file has .*Convert"):
        HumanData.fromfile(data_root / 'people.npz')['vertices']


@pytest.mark.parametrize(
    'key, value, expected',
    [
        ('bbox_xywh', np.zeros((8, 6)), r"'bbox_xywh' has shape \(8, 6\), expected \(N=8, 5\): x, y, width"),
        (
            'keypoints2d',
            np.zeros((8, 54, 2)),
            r"'keypoints2d' has shape \(8, 54, 2\), expected \(N=8, K, 3\)",
        ),
        (
            'keypoints3d',
            np.zeros((7, 54, 4)),
            r"'keypoints3d' has shape \(7, 54, 4\), expected \(N=8, K, 4\)",
        ),
        (
            'smpl',
            dict(body_pose=np.zeros((8, 72))),
            r"'smpl.body_pose' has shape \(8, 72\), expected \(N=8, 23, 3\)",
        ),
        ('smpl', np.zeros((8, 82)), r"'smpl' is a ndarray, expected a dictionary"),
    ],
)
def test_wrong_shape_names_file_key_and_remedy(
    people: HumanData, tmp_path: Path, key: str, value: object, expected: str
) -> None:
    np.savez(tmp_path / 'bad.npz', **{**people, key: value})
    read = HumanData.fromfile(tmp_path / 'bad.npz')
    assert read.data_len == 8
    with pytest.raises(ValueError, match=rf'bad\.npz: {expected}.*Convert the dataset again'):
        read[key]
    with pytest.raises(ValueError, match=expected):
        HumanData({**people, key: value})


def test_pickles_by_path(data_root: Path) -> None:
    read = HumanData.fromfile(data_root / 'people.npz')
    full = read['keypoints3d']
    read['config'] = 'edited'
    copy = pickle.loads(pickle.dumps(read))
    assert copy['config'] == 'edited'
    np.testing.assert_array_equal(copy['keypoints3d'], full)
    assert 'keypoints3d' not in read.__getstate__()['_values']


def test_deleted_key_is_gone(people: HumanData, tmp_path: Path) -> None:
    people.dump(tmp_path / 'a.npz')
    read = HumanData.fromfile(tmp_path / 'a.npz')
    del read['smpl']
    assert 'smpl' not in read
    read.dump(tmp_path / 'a.npz')
    assert 'smpl' not in HumanData.fromfile(tmp_path / 'a.npz')


@pytest.mark.parametrize('compress', [False, True])
def test_some_of_the_rows(people: HumanData, tmp_path: Path, compress: bool) -> None:
    cameras = [dict(K=np.eye(3) * i) for i in range(8)]
    whole = HumanData({**people, 'cam_param': cameras, 'has_smpl': np.arange(8) % 2})
    if compress:
        whole.compress_keypoints_by_mask()
    whole.dump(tmp_path / 'a.npz')
    rows = [6, 1, 2]
    taken = HumanData.fromfile(tmp_path / 'a.npz').take(np.array(rows))
    taken.dump(tmp_path / 'b.npz')
    for part in (taken, HumanData.fromfile(tmp_path / 'b.npz')):
        assert part.data_len == 3 and list(part) == list(whole)
        assert list(part['image_path']) == ['6.png', '1.png', '2.png']
        for key in ('bbox_xywh', 'keypoints2d', 'keypoints3d', 'has_smpl'):
            np.testing.assert_array_equal(part[key], whole[key][rows])
        for group in ('smpl', 'meta', 'misc'):
            for name, values in whole[group].items():
                np.testing.assert_array_equal(part[group][name], np.asarray(values)[rows])
        assert [camera['K'][0, 0] for camera in part['cam_param']] == rows
        np.testing.assert_array_equal(part['keypoints2d_mask'], whole['keypoints2d_mask'])
        assert part['config'] == 'people' and part['keypoints2d_convention'] == 'smpl_54'
    with pytest.raises(IndexError):
        whole.take(np.array([8]))


def test_only_npz_is_written(people: HumanData, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='ends in .npz'):
        people.dump(tmp_path / 'a.pkl')
