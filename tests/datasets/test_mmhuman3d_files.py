"""Files travel between this project's HumanData and MMHuman3D's own without a change."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmroi.fileio import HumanData, unpacked_npz
from mmroi.structures import get_convention

ROWS = 6


@pytest.fixture(scope='module')
def their_class(import_mmhuman3d: Callable) -> type:
    human_data = import_mmhuman3d('data.data_structures.human_data').HumanData
    human_data.set_logger('silent')
    return human_data


@pytest.fixture(params=['decoded', 'unpacked'])
def _size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == 'unpacked':  # as large files are
        monkeypatch.setattr(unpacked_npz, 'UNPACK_FROM', 1)


def _values(convention: str = 'human_data') -> dict[str, Any]:
    """Values as MMHuman3D's converters set them; some joints of the convention are masked."""
    rng = np.random.default_rng(0)
    joints = len(get_convention(convention))
    mask = (rng.random(joints) < 0.4).astype(np.uint8)
    return dict(
        image_path=[f'S1/images/{i:04d}.jpg' for i in range(ROWS)],
        image_id=[str(i) for i in range(ROWS)],
        bbox_xywh=rng.uniform(1, 100, (ROWS, 5)),
        config='h36m',
        keypoints2d=rng.uniform(0, 100, (ROWS, joints, 3)) * mask[:, None],
        keypoints2d_mask=mask,
        keypoints2d_convention=convention,
        keypoints3d=rng.normal(size=(ROWS, joints, 4)) * mask[:, None],
        keypoints3d_mask=mask,
        keypoints3d_convention=convention,
        smpl=dict(
            body_pose=rng.normal(size=(ROWS, 23, 3)),
            global_orient=rng.normal(size=(ROWS, 3)),
            betas=rng.normal(size=(ROWS, 10)).astype(np.float32),
            transl=rng.normal(size=(ROWS, 3)),
        ),
        meta=dict(gender=['m', 'f', 'n'] * (ROWS // 3), height=np.arange(ROWS)),
        misc=dict(focal_length=rng.uniform(500, 1000, (ROWS, 1)), source='made up', kps3d_root_aligned=False),
        has_smpl=np.arange(ROWS) % 2,
    )


def _assert_equal(value: Any, expected: Any) -> None:
    if isinstance(expected, Mapping):
        assert isinstance(value, dict) and list(value) == list(expected)
        for name in expected:
            _assert_equal(value[name], expected[name])
        return
    if isinstance(expected, str | bool):
        assert type(value) is type(expected)
    if isinstance(expected, np.ndarray):
        assert value.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(value), np.asarray(expected))


@pytest.mark.usefixtures('_size')
@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('convention', ['human_data', 'smpl_54', 'coco', 'mpi_inf_3dhp'])
def test_their_file_loads_equal(their_class: type, tmp_path: Path, convention: str, compressed: bool) -> None:
    theirs = their_class.new(key_strict=False)
    for key, value in _values(convention).items():
        theirs[key] = value
    if compressed:
        theirs.compress_keypoints_by_mask()
    theirs.dump(str(tmp_path / 'theirs.npz'))
    ours = HumanData.fromfile(tmp_path / 'theirs.npz')
    assert ours.keypoints_compressed == theirs.check_keypoints_compressed() == compressed
    assert ours.data_len == theirs.data_len == ROWS
    assert list(ours) == list(theirs)
    for key in theirs:
        _assert_equal(ours[key], theirs[key])
        _assert_equal(ours.raw(key), theirs.get_raw_value(key))


@pytest.mark.usefixtures('_size')
@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('deflate', [False, True])
def test_our_file_loads_equal_in_theirs(
    their_class: type, tmp_path: Path, compressed: bool, deflate: bool
) -> None:
    ours = HumanData(_values())
    if compressed:
        ours.compress_keypoints_by_mask()
    ours.dump(tmp_path / 'ours.npz', deflate)
    theirs = their_class.fromfile(str(tmp_path / 'ours.npz'))
    assert theirs.check_keypoints_compressed() == compressed
    assert theirs.data_len == ROWS and theirs.get_key_strict() is False
    assert list(theirs) == list(ours)
    for key, value in _values().items():
        _assert_equal(theirs[key], value)
    assert isinstance(theirs['image_path'], list)
    # What their training does with a file first.
    part = theirs.get_slice(1, 3)
    assert part.data_len == 2 and part.check_keypoints_compressed() == compressed
    if compressed:
        theirs.decompress_keypoints()
        _assert_equal(theirs.get_raw_value('keypoints3d'), _values()['keypoints3d'])
    # And back again, through a file that was read rather than made.
    theirs.dump(str(tmp_path / 'theirs.npz'))
    HumanData.fromfile(tmp_path / 'theirs.npz').dump(tmp_path / 'again.npz')
    again = their_class.fromfile(str(tmp_path / 'again.npz'))
    for key in theirs:
        _assert_equal(again[key], theirs[key])


def test_our_values_pass_their_checks(their_class: type, people: HumanData, tmp_path: Path) -> None:
    """Types and shapes of every key that both know, as their ``__setitem__`` wants them."""
    people.dump(tmp_path / 'people.npz')
    read = their_class.fromfile(str(tmp_path / 'people.npz'))
    checked = their_class.new(key_strict=True)
    for key, value in read.items():
        checked[key] = value
    assert checked.data_len == people.data_len


def test_file_without_attributes(their_class: type, tmp_path: Path) -> None:
    """Files of MMHuman3D 0.5 and older have neither attributes nor conventions, and boxes without a score."""
    values = _values()
    old = {key: value for key, value in values.items() if not key.endswith('_convention')}
    np.savez_compressed(tmp_path / 'old.npz', **{**old, 'bbox_xywh': values['bbox_xywh'][:, :4]})
    ours = HumanData.fromfile(tmp_path / 'old.npz')
    theirs = their_class.fromfile(str(tmp_path / 'old.npz'))
    _assert_equal(ours['bbox_xywh'], theirs['bbox_xywh'])
    assert ours.data_len == ROWS and not ours.keypoints_compressed
    assert theirs['keypoints2d_convention'] == 'human_data'
