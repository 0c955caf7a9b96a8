import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from mmroi.datasets.keypoint_column import take_rows
from mmroi.datasets.person_rows import PersonRows
from mmroi.fileio import HumanData


def _dump(people: HumanData, root: Path, **changes: object) -> None:
    HumanData({**people, **changes}).dump(root / 'people.npz')


@pytest.fixture
def rows(data_root: Path) -> PersonRows:
    return PersonRows(HumanData.fromfile(data_root / 'people.npz'), 'unit')


def test_views_keep_the_rows_of_the_file(rows: PersonRows) -> None:
    view = rows[2:][np.array([4, 1])]
    assert len(rows) == 8 and len(view) == 2
    assert [row['row'] for row in view] == [6, 3]
    assert view[0]['img_path'] == rows[6]['img_path'] == '6.png' and view[0]['dataset_name'] == 'unit'
    np.testing.assert_array_equal(view[1]['betas'], rows[3]['betas'])


def test_copies_share_the_arrays_and_pickles_leave_them_out(rows: PersonRows) -> None:
    assert copy.deepcopy(rows).columns is rows.columns
    assert len(pickle.dumps(rows)) < 5000
    again = pickle.loads(pickle.dumps(rows[3:]))
    np.testing.assert_array_equal(again[0]['keypoints3d'], rows[3]['keypoints3d'])


def test_rows_that_follow_one_another_are_a_view() -> None:
    values = np.arange(12).reshape(6, 2)
    for rows, shared in (([2, 3, 4], True), ([5], True), ([4, 3], False), ([0, 2], False), ([], False)):
        taken = take_rows(values, np.array(rows, int))
        np.testing.assert_array_equal(taken, values[rows].reshape(-1, 2))
        assert np.shares_memory(taken, values) == shared


def test_pages_are_released_while_rows_are_read(rows: PersonRows, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that reads rows in random order would soon have the whole file mapped."""
    released = []
    monkeypatch.setattr(rows.human_data, 'release', lambda: released.append(1))
    first = rows[0]['keypoints3d'].copy()
    for i in range(100):
        rows[i % 8]
    assert len(released) >= 5
    np.testing.assert_array_equal(rows[0]['keypoints3d'], first)


def test_samples_may_be_modified(rows: PersonRows) -> None:
    before = rows[0]['body_pose'].copy()
    for value in rows[0].values():
        if isinstance(value, np.ndarray):
            value[...] = 7
    np.testing.assert_array_equal(rows[0]['body_pose'], before)


def test_people_in_one_image_and_another_confidence_are_no_duplicates(
    people: HumanData, data_root: Path
) -> None:
    _dump(people, data_root, image_path=['0.png'] * 8)
    rows = PersonRows(HumanData.fromfile(data_root / 'people.npz'), 'unit')
    assert not rows.find_duplicates().any()
    boxes = np.repeat(people['bbox_xywh'][:1], 8, 0)
    boxes[:, 4] = np.linspace(0, 1, 8)
    _dump(people, data_root, image_path=['0.png'] * 8, bbox_xywh=boxes)
    rows = PersonRows(HumanData.fromfile(data_root / 'people.npz'), 'unit')
    np.testing.assert_array_equal(rows.find_duplicates(), [False] + [True] * 7)
    np.testing.assert_array_equal(rows[np.array([4, 2])].find_duplicates(), (False, True))
    assert rows[:0].find_duplicates().shape == (0,)


def test_a_file_that_is_overwritten_while_it_is_read(tmp_path):
    """An error that names it; reading pages of a mapped file that became shorter would end the process."""
    path, rows = tmp_path / 'a.npz', 30_000
    boxes = np.random.default_rng(0).uniform(1, 50, (rows, 5))
    HumanData(dict(image_path=['a.jpg'] * rows, bbox_xywh=boxes)).dump(path)
    people = PersonRows(HumanData.fromfile(path), 'a')
    assert people[rows - 1]['img_path'] == 'a.jpg'
    with open(path, 'rb+') as file:
        file.truncate(1000)
    for read in (lambda: people[rows - 1], people.find_faults):
        with pytest.raises(ValueError, match=r'a\.npz: was replaced or changed while it was in use'):
            read()


@pytest.mark.parametrize(
    'flags',
    [[1, 0, 1, 1], [[1], [0], [1], [1]], [True, False, True, True], [255.0, 0, 1, 1], [1, None, True, 1]],
)
def test_flags_of_any_form(people: HumanData, flags: list[object]) -> None:
    few = HumanData({**_first(people, 4), 'has_smpl': np.array(flags)})
    rows = PersonRows(few, 'people')
    assert [row['has_smpl'] for row in rows] == [True, False, True, True]
    assert not rows.find_faults().any()


@pytest.mark.parametrize(
    'flags',
    [np.ones((4, 2)), np.ones(3), ['yes', 'no', 'yes', 'no'], [{}] * 4, None, [1, -1, 0, 1]]
    + [[1, 0, 0.5, 1], [np.inf, 0, 1, 1]],
)
def test_bad_flags_name_file_and_key(people: HumanData, flags: object) -> None:
    with pytest.raises(ValueError, match=r"^HumanData: 'has_smpl' "):
        PersonRows(HumanData({**_first(people, 4), 'has_smpl': flags}), 'people')


def _first(people: HumanData, num: int) -> dict[str, object]:
    keys = ('image_path', 'bbox_xywh', 'keypoints2d', 'keypoints2d_mask', 'keypoints2d_convention', 'smpl')
    found = {key: people[key] for key in keys}
    found['smpl'] = {name: values[:num] for name, values in people['smpl'].items()}
    return {k: v[:num] if k in ('image_path', 'bbox_xywh', 'keypoints2d') else v for k, v in found.items()}
