import os
import pickle
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmroi.datasets import (
    BadSampleError,
    GetPersonBox,
    HumanImageDataset,
    LoadImage,
    MultiRoICrop,
    PackHMRInputs,
)
from mmroi.fileio import HumanData
from mmroi.registry import DATASETS

LABELS = ('keypoints2d', 'keypoints3d', 'global_orient', 'body_pose', 'betas', 'pelvis')


def _pipeline() -> list:
    return [LoadImage(), GetPersonBox(), MultiRoICrop(2, (32, 24)), PackHMRInputs()]


def _dataset(root: Path, **kwargs: object) -> HumanImageDataset:
    return HumanImageDataset('people.npz', str(root), pipeline=_pipeline(), **kwargs)


def _edit(root: Path, **values: object) -> None:
    people = HumanData.fromfile(root / 'people.npz')
    for key, value in values.items():
        people[key] = value
    people.dump(root / 'people.npz')


def _edited(root: Path, key: str, index: object, value: float) -> None:
    array = np.array(HumanData.fromfile(root / 'people.npz')[key], np.float64)
    array[index] = value
    _edit(root, **{key: array})


def test_rows_of_the_contract(people: HumanData, data_root: Path) -> None:
    dataset = _dataset(data_root, dataset_name='unit')
    assert len(dataset) == 8 and dataset.metainfo == dict(convention='smpl_54')
    info = dataset.get_data_info(-2)
    assert info['sample_idx'] == info['row'] == 6 and info['dataset_name'] == 'unit'
    assert info['img_path'] == str(data_root / '6.png')
    np.testing.assert_allclose(info['bbox_xywh'], people['bbox_xywh'][6, :4])
    np.testing.assert_allclose(info['keypoints2d'], people['keypoints2d'][6], rtol=1e-6)
    np.testing.assert_allclose(info['keypoints3d'], people['keypoints3d'][6])
    for name in ('global_orient', 'body_pose', 'betas'):
        np.testing.assert_array_equal(info[name], people['smpl'][name][6])
    np.testing.assert_array_equal(info['pelvis'], people['keypoints3d'][6, 0, :3])
    assert info['focal_length'] == people['misc']['focal_length'][6]
    np.testing.assert_array_equal(info['principal_point'], people['misc']['principal_point'][6])
    assert all(
        info[flag] is True for flag in ('has_smpl', 'has_keypoints2d', 'has_keypoints3d', 'has_transl')
    )
    assert info['gender'] == 'neutral' and info['bbox_score'] == 1


def test_missing_labels_are_zero_with_flags_down(people: HumanData, data_root: Path) -> None:
    HumanData({key: people[key] for key in ('image_path', 'bbox_xywh')}).dump(data_root / 'people.npz')
    info = _dataset(data_root).get_data_info(0)
    assert not any(info[flag] for flag in ('has_smpl', 'has_keypoints2d', 'has_keypoints3d', 'has_transl'))
    assert not any(info[name].any() for name in LABELS)
    assert info['focal_length'] is None and info['principal_point'] is None
    sample = _dataset(data_root)[0]['data_samples']
    assert sample.focal_length == np.hypot(240, 320)
    np.testing.assert_array_equal(sample.principal_point, (160, 120))


def test_row_flags_and_root_relative_keypoints(people: HumanData, data_root: Path) -> None:
    keypoints = people['keypoints3d'].copy()
    keypoints[0, :, :3] -= keypoints[0, :1, :3]
    _edit(data_root, has_smpl=np.arange(8) != 1, keypoints3d=keypoints)
    dataset = _dataset(data_root)
    assert dataset.get_data_info(0)['has_smpl'] and not dataset.get_data_info(0)['has_transl']
    assert not dataset.get_data_info(1)['has_smpl'] and not dataset.get_data_info(1)['betas'].any()
    assert dataset.get_data_info(2)['has_transl']


@pytest.mark.parametrize(
    'as_bytes',
    [lambda paths: [path.encode() for path in paths], lambda paths: np.array(paths, 'S')],
    ids=['list', 'array'],
)
def test_paths_may_be_bytes(people: HumanData, data_root: Path, as_bytes: Callable) -> None:
    """As SPIN's npz has them."""
    _edit(data_root, image_path=as_bytes(list(people['image_path'])))
    assert _dataset(data_root).get_data_info(3)['img_path'] == str(data_root / '3.png')


@pytest.mark.parametrize('flags', [[[1], [0]] * 4, [1, np.nan] * 4, [True, False] * 4])
def test_flags_may_be_a_column_or_unknown(data_root: Path, flags: list) -> None:
    _edit(data_root, has_smpl=np.array(flags))
    dataset = _dataset(data_root)
    assert [dataset.get_data_info(i)['has_smpl'] for i in range(8)] == [True, False] * 4


def test_flags_of_another_number_of_rows(data_root: Path) -> None:
    _edit(data_root, has_smpl=np.ones((8, 2)))
    with pytest.raises(ValueError, match=r"people\.npz: 'has_smpl' has shape \(8, 2\), expected \(8,\)"):
        _dataset(data_root)


def test_compressed_file_gives_the_same_samples(people: HumanData, data_root: Path) -> None:
    before = _dataset(data_root).get_data_info(3)
    masked = HumanData(people)
    masked.compress_keypoints_by_mask()
    masked.dump(data_root / 'people.npz', compress=True)
    after = _dataset(data_root).get_data_info(3)
    for name in LABELS:
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize('indices, rows', [(3, [0, 1, 2]), (-2, [6, 7]), ([5, 1], [5, 1])])
def test_indices_and_subsets(data_root: Path, indices: object, rows: list[int]) -> None:
    dataset = _dataset(data_root, indices=indices)
    assert [dataset.get_data_info(i)['row'] for i in range(len(dataset))] == rows
    subset = _dataset(data_root).get_subset(indices)
    assert [subset.get_data_info(i)['row'] for i in range(len(subset))] == rows
    assert subset[0]['inputs'].shape == (2, 3, 32, 24)


def test_built_from_config(data_root: Path) -> None:
    config = dict(
        type='HumanImageDataset',
        ann_file='people.npz',
        data_root=str(data_root),
        lazy_init=True,
        metainfo=dict(split='val'),
        pipeline=[dict(type='mmroi.LoadImage')],
        test_mode=True,
    )
    dataset = DATASETS.build(config)
    dataset.full_init()
    assert dataset.metainfo == dict(convention='smpl_54', split='val')
    assert dataset[0]['img'].shape == (240, 320, 3)


def test_image_folder_prefix(people: HumanData, tmp_path: Path) -> None:
    people.dump(tmp_path / 'ann' / 'people.npz')
    dataset = HumanImageDataset('ann/people.npz', str(tmp_path), dict(img_path='photos'))
    assert dataset.get_data_info(0)['img_path'] == str(tmp_path / 'photos' / '0.png')


def test_subset_and_deep_copy_share_arrays(data_root: Path) -> None:
    dataset = _dataset(data_root)
    subset = dataset.get_subset(3)
    assert subset.data_list.columns is dataset.data_list.columns


def test_spawned_worker_gets_the_path_not_the_arrays(data_root: Path) -> None:
    dataset = _dataset(data_root)
    rows = pickle.dumps(dataset.data_list)
    assert len(rows) < 4000
    np.testing.assert_array_equal(pickle.loads(rows)[2]['betas'], dataset.data_list[2]['betas'])


def test_forked_workers_read_the_same_and_report_skips(data_root: Path) -> None:
    (data_root / '5.png').unlink()
    dataset = _dataset(data_root, skip_bad=True)
    loader = DataLoader(
        dataset,
        batch_size=2,
        num_workers=2,
        collate_fn=pseudo_collate,
        multiprocessing_context=get_context('fork'),
    )
    batches = list(loader)
    assert sum(len(batch['inputs']) for batch in batches) == 8
    assert dataset.skipped == {'missing image': 1}
    sample = batches[0]['data_samples'][1]
    np.testing.assert_array_equal(sample.gt_instances.betas[0], dataset.get_data_info(1)['betas'])


BAD_LABELS = [
    ('bbox_xywh', (2, 3), 0, 'zero-area box'),
    ('bbox_xywh', (2, 2), -5, 'zero-area box'),
    ('bbox_xywh', (2, 0), np.nan, 'NaN box'),
    ('bbox_xywh', (2, 2), np.inf, 'NaN box'),
    ('keypoints2d', (2, 7, 0), np.nan, 'NaN labels'),
    ('keypoints3d', (2, 7, 3), np.nan, 'NaN labels'),
]


@pytest.mark.parametrize('key, index, value, reason', BAD_LABELS)
def test_bad_label_names_file_row_and_remedy(
    data_root: Path, key: str, index: tuple, value: float, reason: str
) -> None:
    _edited(data_root, key, index, value)
    with pytest.raises(
        BadSampleError, match=rf'{reason}: row 2 of .*people\.npz, and 0 more bad rows.*skip_bad=True'
    ):
        _dataset(data_root)
    for test_mode in (False, True):
        dataset = _dataset(data_root, skip_bad=True, test_mode=test_mode)
        assert dataset.skipped == {reason: 1}
        assert [dataset.get_data_info(i)['row'] for i in range(7)] == [0, 1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    'group, name',
    [
        ('smpl', 'betas'),
        ('smpl', 'body_pose'),
        ('smpl', 'transl'),
        ('misc', 'focal_length'),
        ('misc', 'principal_point'),
    ],
)
def test_nan_in_parameters_and_cameras(people: HumanData, data_root: Path, group: str, name: str) -> None:
    values = people[group][name].copy()
    values[6] = np.nan
    _edit(data_root, **{group: {**people[group], name: values}})
    with pytest.raises(BadSampleError, match='NaN labels: row 6'):
        _dataset(data_root)
    assert _dataset(data_root, skip_bad=True).skipped == {'NaN labels': 1}
    # Without SMPL labels in that row its parameters may be anything.
    if group == 'smpl':
        _edit(data_root, has_smpl=np.arange(8) != 6)
        assert len(_dataset(data_root)) == 8


def _remove(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _overwrite(path: Path) -> None:
    path.write_bytes(b'<html>not found</html>')


@pytest.mark.parametrize(
    'damage, reason',
    [(_remove, 'missing image'), (_truncate, 'truncated image'), (_overwrite, 'unreadable image')],
)
def test_bad_image_is_named_or_skipped(data_root: Path, damage: object, reason: str) -> None:
    damage(data_root / '4.png')
    with pytest.raises(BadSampleError, match=rf'{reason}: row 4 of .*people\.npz: .*4\.png .*skip_bad=True'):
        _dataset(data_root)[4]
    training = _dataset(data_root, skip_bad=True)
    assert training.skipped == {} and len(training) == 8
    for _ in range(2):
        assert training[4]['data_samples'].sample_idx != 4
    assert training.skipped == {reason: 1}
    # In test mode the set is cleaned beforehand, so that no sample stands in for another.
    testing = _dataset(data_root, skip_bad=True, test_mode=True)
    assert testing.skipped == {reason: 1}
    names = [Path(testing[i]['data_samples'].img_path).name for i in range(7)]
    assert names == [f'{row}.png' for row in (0, 1, 2, 3, 5, 6, 7)]


def test_box_outside_the_image_is_named_or_skipped(data_root: Path) -> None:
    _edited(data_root, 'bbox_xywh', (1, 0), 321)
    with pytest.raises(BadSampleError, match=r'box outside the image: row 1 of .*height 240 and width 320'):
        _dataset(data_root)[1]
    training = _dataset(data_root, skip_bad=True)
    assert training[1]['data_samples'].sample_idx != 1
    testing = _dataset(data_root, skip_bad=True, test_mode=True)
    assert training.skipped == testing.skipped == {'box outside the image': 1}


def test_other_errors_of_the_pipeline_are_not_hidden(data_root: Path) -> None:
    def fail(results: dict) -> dict:
        raise RuntimeError('a bug')

    dataset = HumanImageDataset('people.npz', str(data_root), pipeline=[fail], skip_bad=True)
    with pytest.raises(RuntimeError, match='a bug'):
        dataset[0]


def test_missing_file_and_keys(people: HumanData, data_root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.npz: no such annotation file'):
        HumanImageDataset('none.npz', str(data_root))
    HumanData({key: people[key] for key in people if key != 'bbox_xywh'}).dump(data_root / 'a.npz')
    with pytest.raises(KeyError, match=r"a\.npz: key 'bbox_xywh' is missing"):
        HumanImageDataset('a.npz', str(data_root))
    smpl = {name: value for name, value in people['smpl'].items() if name != 'betas'}
    HumanData({**people, 'smpl': smpl}).dump(data_root / 'b.npz')
    with pytest.raises(KeyError, match=r"b\.npz: 'smpl' lacks \['betas'\]"):
        HumanImageDataset('b.npz', str(data_root))
    HumanData({**people, 'misc': dict(focal_length=np.ones(3))}).dump(data_root / 'c.npz')
    with pytest.raises(ValueError, match=r"c\.npz: misc\['focal_length'\] has shape \(3,\), expected \(8,\)"):
        HumanImageDataset('c.npz', str(data_root))
    HumanData({**people, 'meta': dict(gender=['m'] * 3)}).dump(data_root / 'd.npz')
    with pytest.raises(ValueError, match=r"d\.npz: meta\['gender'\] has shape \(3,\), expected \(8,\)"):
        HumanImageDataset('d.npz', str(data_root))


def test_error_survives_the_way_from_a_worker(data_root: Path) -> None:
    (data_root / '0.png').unlink()
    loader = DataLoader(
        _dataset(data_root),
        batch_size=1,
        num_workers=1,
        collate_fn=pseudo_collate,
        multiprocessing_context=get_context('fork'),
    )
    with pytest.raises(BadSampleError, match=r'missing image: row 0 of'):
        next(iter(loader))


@pytest.mark.parametrize(
    'given, margin',
    [
        ({}, 1.0),
        (dict(box_margin=1.1), 1.1),
        (dict(crop_boxes=True), 1.2),
        (dict(crop_boxes=True, box_margin=1.3), 1.3),
    ],
)
def test_every_sample_says_the_margin_of_its_box(data_root: Path, given: dict, margin: float) -> None:
    dataset = _dataset(data_root, **given)
    assert [dataset.get_data_info(i)['box_margin'] for i in (0, -1)] == [margin, margin]
    with pytest.raises(ValueError, match='box_margin must be positive, got 0'):
        _dataset(data_root, box_margin=0)


@pytest.mark.parametrize('kind', ['parent', 'absolute', 'link'])
@pytest.mark.parametrize('skip_bad', [False, True])
@pytest.mark.parametrize('test_mode', [False, True])
def test_images_outside_of_the_data(people, tmp_path, kind, skip_bad, test_mode):
    root = tmp_path / 'data'
    (root / 'images').mkdir(parents=True)
    secret = np.full((8, 8, 3), 99, np.uint8)
    for path in (tmp_path / 'secret.png', *(root / 'images' / f'{i}.png' for i in range(8))):
        assert cv2.imwrite(str(path), secret)
    (root / 'images' / 'link.png').symlink_to(tmp_path / 'secret.png')
    names = dict(parent='../../secret.png', absolute=str(tmp_path / 'secret.png'), link='link.png')
    changes = dict(image_path=[names[kind], *people['image_path'][1:]], bbox_xywh=np.ones((8, 5)))
    HumanData({**people, **changes, 'keypoints2d': np.zeros((8, 54, 3))}).dump(root / 'people.npz')

    def dataset(**kwargs):
        options = dict(pipeline=[LoadImage()], skip_bad=skip_bad, test_mode=test_mode, **kwargs)
        return HumanImageDataset('people.npz', str(root), dict(img_path='images'), **options)

    assert len(dataset(allow_outside=True)) == 8
    assert dataset(allow_outside=True)[0]['img'][0, 0, 0] == 99
    if skip_bad:
        data = dataset()
        samples = [data[i] for i in range(len(data))]
        assert data.skipped == {'image outside its folder': 1}
        assert all('secret' not in s['img_path'] and 'link' not in s['img_path'] for s in samples if s)
    else:
        with pytest.raises(BadSampleError, match=r'image outside its folder: row 0 of \S*people.npz.*leads'):
            dataset()[0]


def test_rows_that_name_no_ordinary_file(people, tmp_path):
    os.mkfifo(tmp_path / 'pipe.png')
    (tmp_path / 'folder.png').mkdir()
    for name, reason in (
        ('pipe.png', 'a pipe'),
        ('folder.png', 'a folder'),
        ('http://x.org/1', 'missing'),
    ):
        HumanData({**people, 'image_path': [name] * 8}).dump(tmp_path / 'people.npz')
        with pytest.raises(BadSampleError, match=rf'row 0 of \S*people\.npz.*{reason}|missing image: row 0'):
            HumanImageDataset('people.npz', str(tmp_path), pipeline=[LoadImage()])[0]
