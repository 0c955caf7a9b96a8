"""Keypoints computed from SMPL parameters and cameras, against projections written by hand."""

import logging
import pickle
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN_BODY
from mmroi.datasets import HumanImageDataset, derived_keypoints
from mmroi.datasets.transforms import GetPersonBox, LoadImage, MultiRoICrop, PackHMRInputs, RandomMirror
from mmroi.fileio import HumanData
from mmroi.structures import CONVENTIONS

OPEN = dict(type='SMPL')
ROWS = 8


def _write(people: HumanData, folder: Path, *lacks: str, name: str = 'people', **changes: Any) -> None:
    """The people's file without some keys; ``keypoints2d`` stands for its mask and convention, too."""
    kept = {key: value for key, value in people.items() if not key.startswith(lacks or '-')}
    HumanData({**kept, **changes}).dump(folder / f'{name}.npz')


def _dataset(
    folder: Path, body_model: dict | None = OPEN, name: str = 'people', **more: Any
) -> HumanImageDataset:
    return HumanImageDataset(f'{name}.npz', str(folder), body_model=body_model, **more)


@pytest.fixture(scope='module')
def cameras(people: HumanData) -> np.ndarray:
    """(8, 3, 3) intrinsic matrices whose two focal lengths differ."""
    matrices = np.zeros((ROWS, 3, 3))
    focal = people['misc']['focal_length']
    matrices[:, 0, 0], matrices[:, 1, 1], matrices[:, 2, 2] = focal * 0.98, focal * 1.02, 1
    matrices[:, :2, 2] = people['misc']['principal_point']
    return matrices


def _seen(people: HumanData, matrices: np.ndarray) -> np.ndarray:
    """(8, 54, 2) pixels: K X, divided by its last coordinate."""
    points = np.einsum('nij,nkj->nki', matrices, people['keypoints3d'][..., :3].astype(np.float64))
    return points[..., :2] / points[..., 2:]


@pytest.mark.parametrize('lacks', [('keypoints2d',), ('keypoints3d',), ('keypoints',)])
def test_what_is_missing_is_derived(
    people: HumanData, tmp_path: Path, cameras: np.ndarray, lacks: tuple[str, ...]
) -> None:
    _write(people, tmp_path, *lacks, 'misc', cam_param=[dict(in_mat=m.tolist()) for m in cameras])
    dataset = _dataset(tmp_path)
    for i in range(ROWS):
        info = dataset.get_data_info(i)
        pixels = people['keypoints2d'][i, :, :2] if lacks == ('keypoints3d',) else _seen(people, cameras)[i]
        np.testing.assert_allclose(info['keypoints2d'][:, :2], pixels, atol=2e-3)
        np.testing.assert_allclose(info['keypoints3d'], people['keypoints3d'][i], atol=2e-6)
        np.testing.assert_allclose(info['pelvis'], people['keypoints3d'][i, 0, :3], atol=2e-6)
        assert (info['keypoints2d'][:, 2] == 1).all() and info['keypoints2d'].dtype == np.float32
        assert all(info[f'has_{name}'] is True for name in ('smpl', 'transl', 'keypoints2d', 'keypoints3d'))
    assert dataset.skipped == {}


def test_nothing_is_derived_without_a_body(people: HumanData, tmp_path: Path) -> None:
    _write(people, tmp_path, 'keypoints')
    info = _dataset(tmp_path, None).get_data_info(0)
    assert not any(info[f'has_{name}'] for name in ('transl', 'keypoints2d', 'keypoints3d'))
    assert not any(info[name].any() for name in ('keypoints2d', 'keypoints3d', 'pelvis'))


def test_without_camera_3d_alone(people: HumanData, tmp_path: Path) -> None:
    for misc in ({}, dict(misc=dict(focal_length=people['misc']['focal_length']))):
        _write(people, tmp_path, 'keypoints', 'misc', **misc)
        info = _dataset(tmp_path).get_data_info(3)
        np.testing.assert_allclose(info['keypoints3d'], people['keypoints3d'][3], atol=2e-6)
        assert info['has_transl'] and not info['has_keypoints2d'] and not info['keypoints2d'].any()


def test_without_translation_nothing(people: HumanData, tmp_path: Path) -> None:
    smpl = {key: value for key, value in people['smpl'].items() if key != 'transl'}
    _write(people, tmp_path, 'keypoints', smpl=smpl)
    info = _dataset(tmp_path).get_data_info(0)
    assert info['has_smpl']
    assert not any(info[f'has_{name}'] for name in ('transl', 'keypoints2d', 'keypoints3d'))


def test_only_rows_that_lack_all_keypoints(people: HumanData, tmp_path: Path) -> None:
    """A row with one joint keeps it alone; a row without SMPL parameters gets nothing."""
    keypoints = people['keypoints2d'].copy()
    keypoints[:, :, 2] = 0
    keypoints[1, 7, 2] = 0.5
    _write(people, tmp_path, keypoints2d=keypoints, has_smpl=np.arange(ROWS) != 2)
    dataset = _dataset(tmp_path)
    counts = [(dataset.get_data_info(i)['keypoints2d'][:, 2] > 0).sum() for i in range(ROWS)]
    assert counts == [54, 1, 0] + [54] * 5
    assert not dataset.get_data_info(2)['has_transl']


def test_joint_behind_the_camera_has_no_confidence(people: HumanData, tmp_path: Path) -> None:
    transl, boxes = people['smpl']['transl'].copy(), people['bbox_xywh'].copy()
    transl[0, 2] -= np.quantile(people['keypoints3d'][0, :, 2], 0.1)
    side = 9 * people['misc']['focal_length'][0]  # most keypoints are in it
    boxes[0, :4] = *people['misc']['principal_point'][0] - side / 2, side, side
    _write(people, tmp_path, 'keypoints', smpl={**people['smpl'], 'transl': transl}, bbox_xywh=boxes)
    info = _dataset(tmp_path).get_data_info(0)
    behind = info['keypoints3d'][:, 2] <= 0
    assert 0 < behind.sum() < 54
    np.testing.assert_array_equal(info['keypoints2d'][:, 2], ~behind)
    assert not info['keypoints2d'][behind].any() and (info['keypoints3d'][:, 3] == 1).all()


def test_a_row_whose_keypoints_would_miss_its_box_gets_no_2d_label(people: HumanData, tmp_path: Path) -> None:
    """A translation of zero, as a file may hold where it is unknown, puts the camera into the body."""
    transl = people['smpl']['transl'].copy()
    transl[::4] = 0
    _write(people, tmp_path, 'keypoints', smpl={**people['smpl'], 'transl': transl})
    dataset = _dataset(tmp_path)
    rows = [dataset.get_data_info(i) for i in range(ROWS)]
    assert [row['has_keypoints2d'] for row in rows] == [i % 4 > 0 for i in range(ROWS)]
    assert not rows[0]['keypoints2d'].any() and all(row['has_keypoints3d'] for row in rows)


def test_root_relative_and_unlabeled_pelvis(people: HumanData, tmp_path: Path) -> None:
    """The root's position follows from the body; the keypoints stay as they are labeled."""
    relative = people['keypoints3d'].copy()
    relative[:4, :, :3] -= relative[:4, :1, :3]
    relative[4:, 0, 3] = 0
    _write(people, tmp_path, keypoints3d=relative)
    dataset = _dataset(tmp_path)
    for i in range(ROWS):
        info = dataset.get_data_info(i)
        assert info['has_transl'] and not _dataset(tmp_path, None).get_data_info(i)['has_transl']
        np.testing.assert_allclose(info['pelvis'], people['keypoints3d'][i, 0, :3], atol=2e-6)
        np.testing.assert_array_equal(info['keypoints3d'][1:], relative[i, 1:])


@pytest.fixture(scope='module')
def body_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Neutral and female bodies of different build; there is no male one."""
    folder = tmp_path_factory.mktemp('smpl')
    arrays = dict(np.load(OPEN_BODY))
    for gender, build in dict(NEUTRAL=(1, 1, 1), FEMALE=(0.8, 0.9, 1.1)).items():
        np.savez(folder / f'SMPL_{gender}.npz', **{**arrays, 'v_template': arrays['v_template'] * build})
    return folder


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged at WARNING."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Keep(logging.WARNING)
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def test_body_of_the_gender(
    people: HumanData, tmp_path: Path, body_folder: Path, warnings: list[str]
) -> None:
    genders = ['f', 'Female', 'neutral', '', 'n', 'female', 'f', 'm']
    _write(people, tmp_path, 'keypoints', meta=dict(gender=genders))
    dataset = _dataset(tmp_path, dict(type='SMPL', model_path=str(body_folder)))
    assert any('male bodies are derived from the neutral body' in line for line in warnings)
    bodies = {gender: SMPL(body_folder, gender) for gender in ('neutral', 'female')}
    for i, gender in enumerate(genders):
        params = [
            torch.from_numpy(people['smpl'][key][i : i + 1])
            for key in ('global_orient', 'body_pose', 'betas', 'transl')
        ]
        joints = bodies['female' if gender.lower().startswith('f') else 'neutral'](*params).joints[0].numpy()
        info = dataset.get_data_info(i)
        np.testing.assert_allclose(info['keypoints3d'][:, :3], joints, atol=2e-6)
        np.testing.assert_allclose(info['pelvis'], joints[0], atol=2e-6)


def test_unknown_gender_names_the_file(people: HumanData, tmp_path: Path) -> None:
    _write(people, tmp_path, 'keypoints', meta=dict(gender=['m'] * 7 + ['robot']))
    with pytest.raises(ValueError, match=r'gender "robot" of .*people\.npz is unknown'):
        _dataset(tmp_path)


def test_missing_body_file_stops_at_once(people: HumanData, tmp_path: Path) -> None:
    _write(people, tmp_path, 'keypoints')
    with pytest.raises(FileNotFoundError, match=r'no body model at .*nowhere'):
        _dataset(tmp_path, dict(type='SMPL', model_path=str(tmp_path / 'nowhere')))
    # Nobody asks for a body that no row needs.
    _write(people, tmp_path)
    assert len(_dataset(tmp_path, dict(type='SMPL', model_path=str(tmp_path / 'nowhere')))) == ROWS


def test_translation_of_another_frame_is_refused(people: HumanData, tmp_path: Path) -> None:
    smpl = {**people['smpl'], 'transl': people['smpl']['transl'] + np.float32([3, 0, 0])}
    _write(people, tmp_path, 'keypoints', smpl=smpl)
    with pytest.raises(
        ValueError,
        match=r'people\.npz: 2D keypoints derived from SMPL lie outside the box '
        r"in 8 of 8 inspected rows, the first is row 0: smpl\['transl'\].*body_model=None",
    ):
        _dataset(tmp_path)


def test_built_once_and_rebuilt_in_spawned_workers(
    people: HumanData, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    bodies = derived_keypoints.GenderedBodies

    def build(config: dict) -> Any:
        built.append(config)
        return bodies(config)

    monkeypatch.setattr(derived_keypoints, 'GenderedBodies', build)
    _write(people, data_root, 'keypoints')
    pipeline = [LoadImage(), GetPersonBox(), MultiRoICrop(1, (32, 24)), PackHMRInputs()]
    dataset = _dataset(data_root, pipeline=pipeline)
    assert built == [OPEN]  # before any worker starts
    expected = dataset[3]['data_samples'].gt_instances.keypoints2d
    loader = DataLoader(
        dataset,
        batch_size=4,
        num_workers=1,
        collate_fn=pseudo_collate,
        multiprocessing_context=get_context('fork'),
    )
    sample = next(iter(loader))['data_samples'][3]
    np.testing.assert_array_equal(sample.gt_instances.keypoints2d, expected)
    assert len(built) == 1
    rows = pickle.dumps(dataset.data_list)
    assert len(rows) < 4000
    np.testing.assert_array_equal(pickle.loads(rows)[2]['keypoints2d'], dataset.data_list[2]['keypoints2d'])
    assert len(built) == 2
    subset = dataset.get_subset([3])
    assert subset.get_data_info(0)['has_keypoints2d'] and len(built) == 2


def test_mirrored_like_any_label(people: HumanData, data_root: Path) -> None:
    pipeline = [LoadImage(), GetPersonBox(), RandomMirror(1.0)]
    labeled = HumanImageDataset('people.npz', str(data_root), pipeline=pipeline)[1]
    _write(people, data_root, 'keypoints', name='derived')
    derived = _dataset(data_root, name='derived', pipeline=pipeline)[1]
    np.testing.assert_allclose(derived['keypoints2d'], labeled['keypoints2d'], atol=2e-3)
    for key in ('keypoints3d', 'pelvis', 'global_orient'):
        np.testing.assert_allclose(derived[key], labeled[key], atol=2e-6)


def test_their_pw3d_file(
    people: HumanData, tmp_path: Path, cameras: np.ndarray, import_mmhuman3d: Callable
) -> None:
    """It has no keypoints, and a camera for each row; here with the translation beside the pose."""
    theirs = import_mmhuman3d('data.data_structures.human_data').HumanData
    theirs.set_logger('silent')
    theirs = theirs.new(key_strict=False)
    theirs['image_path'] = [str(path) for path in people['image_path']]
    theirs['bbox_xywh'] = people['bbox_xywh']
    theirs['smpl'] = people['smpl']
    theirs['meta'] = dict(gender=np.array(['m', 'f'] * 4))
    theirs['cam_param'] = [dict(in_mat=matrix.tolist(), H=240, W=320, name='default') for matrix in cameras]
    theirs['config'] = 'pw3d'
    theirs.dump(str(tmp_path / 'pw3d_train.npz'))
    info = _dataset(tmp_path, name='pw3d_train').get_data_info(5)
    np.testing.assert_allclose(info['keypoints2d'][:, :2], _seen(people, cameras)[5], atol=2e-3)
    np.testing.assert_allclose(info['focal_length'], cameras[5, (0, 1), (0, 1)])
    assert info['gender'] == 'f'


def _confidences(dataset: HumanImageDataset) -> list[np.ndarray]:
    return [np.concatenate(parts) for parts in zip(*dataset.label_confidences(), strict=True)]


@pytest.mark.parametrize('body_model', [None, OPEN])
def test_label_confidences_equal_those_of_the_rows(
    people: HumanData, tmp_path: Path, body_model: dict | None
) -> None:
    keypoints2d, keypoints3d = people['keypoints2d'].copy(), people['keypoints3d'].copy()
    keypoints2d[:4, ::2, 2] = (0, -1, 0.25, 0.5) * 6 + (0, 0, 1)
    keypoints2d[4, :, 2] = keypoints3d[5, :, 3] = keypoints2d[6, :, 2] = 0
    _write(people, tmp_path, keypoints2d=keypoints2d, keypoints3d=keypoints3d, has_smpl=np.arange(ROWS) != 6)
    dataset = _dataset(tmp_path, body_model)
    infos = [dataset.get_data_info(i) for i in range(ROWS)]
    found = _confidences(dataset)
    for values, key in zip(found[:2], ('keypoints2d', 'keypoints3d'), strict=True):
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, [info[key][:, -1] for info in infos])
    np.testing.assert_array_equal(found[2], [info['has_smpl'] for info in infos])
    assert found[0][4].all() == found[1][5].all() == (body_model is not None) and not found[0][6].any()


def test_label_confidences_leave_out_bad_rows(people: HumanData, data_root: Path) -> None:
    boxes = people['bbox_xywh'].copy()
    boxes[2, 2] = 0
    _write(people, data_root, bbox_xywh=boxes)
    (data_root / '5.png').unlink()
    dataset = HumanImageDataset('people.npz', str(data_root), pipeline=[LoadImage()], skip_bad=True)
    assert len(_confidences(dataset)[2]) == 7
    dataset[4]
    assert len(_confidences(dataset)[2]) == 6  # its image is missing, as is known now
    assert len(_confidences(dataset.get_subset(3))[2]) == 3


def test_label_confidences_by_joint_name(people: HumanData, tmp_path: Path) -> None:
    """A file with 17 joints of Human3.6M and no other label."""
    h36m = np.zeros((ROWS, 17, 4))
    h36m[:, 0, 3] = 1  # pelvis_extra
    _write(people, tmp_path, 'keypoints', 'smpl', keypoints3d=h36m, keypoints3d_convention='h36m')
    two, three, smpl = _confidences(_dataset(tmp_path))
    assert not two.any() and not smpl.any()
    assert np.flatnonzero(three.all(0)).tolist() == [CONVENTIONS['smpl_54'].index('pelvis_extra')]
