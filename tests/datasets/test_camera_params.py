"""Cameras of files as MMHuman3D, its HybrIK converters and ours write them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmroi.datasets import BadSampleError, HumanImageDataset
from mmroi.fileio import HumanData

ROWS = 4
FOCAL = np.array([[1961.8, 1969.2], [1961.8, 1969.2], [900.0, 910.0], [750.0, 750.0]])
CENTER = np.array([[540.0, 960.0], [540.0, 960.0], [321.5, 240.25], [100.0, 120.0]])
NAMES = [('S1', '54138969'), ('S1', '55011271'), ('S11', '54138969')]
PATHS = [f'{s}/images/{s}_Directions_1.{c}/{s}_Directions_1.{c}_000001.jpg' for s, c in (*NAMES, NAMES[0])]
ZEROS = dict(bbox_xywh=np.ones((ROWS, 5)) + np.arange(ROWS)[:, None], image_path=PATHS)


def _matrices() -> np.ndarray:
    matrices = np.zeros((ROWS, 3, 3))
    matrices[:, (0, 1), (0, 1)], matrices[:, :2, 2], matrices[:, 2, 2] = FOCAL, CENTER, 1
    return matrices


def _pytorch3d() -> np.ndarray:
    matrices = np.zeros((ROWS, 4, 4))
    matrices[:, :2, :3] = _matrices()[:, :2]
    matrices[:, 3, 2] = matrices[:, 2, 3] = 1
    return matrices


def _plain_4x4() -> np.ndarray:
    matrices = np.tile(np.eye(4), (ROWS, 1, 1))
    matrices[:, :3, :3] = _matrices()
    return matrices


def _dataset(folder: Path, skip_bad: bool = False, **values: Any) -> HumanImageDataset:
    HumanData({**ZEROS, **values}).dump(folder / 'cameras.npz')
    return HumanImageDataset('cameras.npz', str(folder), skip_bad=skip_bad)


def _check(dataset: HumanImageDataset, focal: np.ndarray, center: np.ndarray) -> None:
    for i in range(ROWS):
        info = dataset.get_data_info(i)
        if focal[i, 0] == focal[i, 1]:
            assert isinstance(info['focal_length'], float)
        else:
            assert info['focal_length'].shape == (2,) and info['focal_length'].dtype == np.float64
        np.testing.assert_allclose(
            info['focal_length'], focal[i] if np.ndim(info['focal_length']) else focal[i, 0], rtol=1e-7
        )
        np.testing.assert_allclose(info['principal_point'], center[i], rtol=1e-7)


FORMS = dict(
    hybrik=dict(f=FOCAL, c=CENTER, intrinsic=np.linalg.inv(_matrices())),
    perspective=dict(focal_length=FOCAL, principal_point=CENTER),
    perspective_matrix=dict(K=_pytorch3d()),
    matrix_4x4=dict(K=_plain_4x4()),
    columns=dict(in_mat=_matrices()),
    columns_of_lists=dict(in_mat=_matrices().tolist(), H=[1080] * ROWS),
    intrinsic=dict(intrinsic=_matrices()),
    columns_of_vectors=dict(f=FOCAL[:, :, None], c=CENTER[:, :, None]),
    array=_matrices(),
    array_of_pytorch3d=_pytorch3d()[:, None],
    lists=_matrices().tolist(),
    rows=[dict(in_mat=matrix.tolist(), H=1920, W=1080, name='default') for matrix in _matrices()],
    rows_of_arrays=[dict(K=matrix) for matrix in _matrices()],
    rows_of_numbers=[dict(focal_length=FOCAL[i], principal_point=tuple(CENTER[i])) for i in range(ROWS)],
)


@pytest.mark.parametrize('place', ['top', 'misc', 'meta'])
@pytest.mark.parametrize('form', FORMS)
def test_forms(tmp_path: Path, form: str, place: str) -> None:
    values = dict(cam_param=FORMS[form])
    _check(_dataset(tmp_path, **(values if place == 'top' else {place: values})), FOCAL, CENTER)


@pytest.fixture(scope='module')
def their_class(import_mmhuman3d: Callable) -> type:
    human_data = import_mmhuman3d('data.data_structures.human_data').HumanData
    human_data.set_logger('silent')
    return human_data


def _camera(i: int, name: str = 'default') -> dict:
    """What ``CameraParameter(name, H, W).set_KRT(K, R, T).to_dict()`` gives."""
    distortion = dict.fromkeys(('k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'p1', 'p2'), 0.0)
    return dict(
        in_mat=_matrices()[i].tolist(),
        **distortion,
        H=1920,
        W=1080,
        rotation_mat=np.eye(3).tolist(),
        translation=[0.0, 0.0, 3.0],
        name=name,
    )


def test_their_pw3d_file(their_class: type, tmp_path: Path) -> None:
    """A camera for each row: the focal length of 3DPW is its own, not the diagonal 2202.9 of the image."""
    human_data = their_class.new(key_strict=False)
    for key, value in dict(ZEROS, cam_param=[_camera(i) for i in range(ROWS)]).items():
        human_data[key] = value
    human_data.dump(str(tmp_path / 'pw3d_test.npz'))
    dataset = HumanImageDataset('pw3d_test.npz', str(tmp_path))
    _check(dataset, FOCAL, CENTER)
    # The dictionaries do not stay in memory.
    assert 'cam_param' not in dataset.data_list.human_data._values


def test_their_h36m_file(their_class: type, tmp_path: Path) -> None:
    """A camera for each subject and number, as the paths of the images name them."""
    human_data = their_class.new(key_strict=False)
    cameras = {name: _camera(i, '_'.join(name)) for i, name in enumerate(NAMES)}
    for key, value in dict(ZEROS, cam_param=cameras).items():
        human_data[key] = value
    human_data.dump(str(tmp_path / 'h36m_train.npz'))
    rows = [0, 1, 2, 0]
    _check(HumanImageDataset('h36m_train.npz', str(tmp_path)), FOCAL[rows], CENTER[rows])


def test_names_as_text(tmp_path: Path) -> None:
    cameras = {'_'.join(name): dict(K=_matrices()[i]) for i, name in enumerate(NAMES)}
    rows = [0, 1, 2, 0]
    _check(_dataset(tmp_path, cam_param=cameras), FOCAL[rows], CENTER[rows])


@pytest.mark.parametrize(
    'camera',
    [
        dict(in_mat=_matrices()[0].tolist()),
        _matrices()[0],
        dict(focal_length=FOCAL[0], principal_point=CENTER[0]),
        dict(K=_pytorch3d()[:1]),
    ],
)
def test_one_camera_for_all_rows(tmp_path: Path, camera: Any) -> None:
    _check(_dataset(tmp_path, cam_param=camera), FOCAL[[0] * ROWS], CENTER[[0] * ROWS])


def test_order_of_preference(tmp_path: Path) -> None:
    misc = dict(focal_length=FOCAL.mean(1), principal_point=CENTER + 1)
    dataset = _dataset(tmp_path, misc=misc, cam_param=_matrices())
    _check(dataset, FOCAL.mean(1)[:, None].repeat(2, 1), CENTER + 1)
    # Our converters write both focal lengths beside their mean.
    dataset = _dataset(tmp_path, misc=dict(misc, focal_lengths=FOCAL + 2), cam_param=_matrices())
    _check(dataset, FOCAL + 2, CENTER + 1)
    _check(
        _dataset(tmp_path, misc=dict(focal_length=FOCAL[:, :1]), cam_param=_matrices()),
        FOCAL[:, :1].repeat(2, 1),
        CENTER,
    )
    _check(_dataset(tmp_path, misc=dict(focal_length=FOCAL, principal_point=CENTER)), FOCAL, CENTER)


@pytest.mark.parametrize('nothing', [None, {}])
def test_empty_camera_is_none(tmp_path: Path, nothing: Any) -> None:
    info = _dataset(tmp_path, misc=dict(cam_param=nothing)).get_data_info(0)
    assert info['focal_length'] is None and info['principal_point'] is None


def _changed(index: tuple, value: float) -> np.ndarray:
    matrices = _matrices()
    matrices[index] = value
    return matrices


@pytest.mark.parametrize(
    'value, reason',
    [(0, 'focal length not positive'), (np.nan, 'NaN labels'), (-900, 'focal length not positive')],
)
@pytest.mark.parametrize('key', ['cam_param', "misc['focal_length']", "misc['focal_lengths']"])
def test_impossible_focal_length(tmp_path: Path, value: float, reason: str, key: str) -> None:
    matrices = _changed((2, 1, 1), value)
    focal = np.stack((matrices[:, 0, 0], matrices[:, 1, 1]), 1)
    values: dict[str, Any] = dict(cam_param=matrices)
    if 'misc' in key:
        values = dict(misc=dict(focal_lengths=focal) if 'lengths' in key else dict(focal_length=focal[:, 1]))
    with pytest.raises(
        BadSampleError,
        match=rf'{reason}: row 2 of .*cameras\.npz, and 0 more bad rows, '
        f'{re.escape(key)} is ',
    ):
        _dataset(tmp_path, **values)
    assert _dataset(tmp_path, skip_bad=True, **values).skipped == {reason: 1}


BAD_FORMS = {
    r'cam_param of row 2: K \[\[.* is no intrinsic matrix': _changed((2, 2, 0), 5),
    r'cam_param of row 1: K .* is no intrinsic matrix': _changed((1, 2, 2), np.nan),
    r'cam_param of row 0: in_mat .* is no intrinsic matrix': [dict(in_mat=np.zeros((3, 3)).tolist())] * ROWS,
    r'cam_param of row 3: in_mat is .*, expected \(3, 3\) or \(4, 4\) for each': [
        dict(in_mat=m[: 2 if i == 3 else 3].tolist()) for i, m in enumerate(_matrices())
    ],
    r'cam_param of row 0: K is [\s\S]* expected \(3, 3\)': _matrices()[:, :2],
    r'cam_param of row 1: focal_length is abc, expected \(\) or \(2,\)': dict(focal_length=[1, 'abc', 3, 4]),
    r'cam_param of row 2 lacks in_mat, which the first has': [
        dict(K=1) if i == 2 else dict(in_mat=m.tolist()) for i, m in enumerate(_matrices())
    ],
    r'cam_param is in normalized device coordinates \(in_ndc\), expected pixels': dict(
        K=_pytorch3d(), in_ndc=True
    ),
    r'cam_param is in normalized device coordinates': [
        dict(K=matrix, in_ndc=i == 2) for i, matrix in enumerate(_matrices())
    ],
    r'cam_param of row 0 has none of focal_length, f,': [dict(H=1, W=2)] * ROWS,
    r'cam_param has 3 cameras for 4 rows': [dict(K=m) for m in _matrices()[:3]],
    r'cam_param has K of shape \(3, 3, 3\) for 4 rows': _matrices()[:3],
    r"cam_param has 0 cameras, expected 1, whose name occurs in the image path of row 2, S11/.*\('S1', '5": {
        name: dict(K=_matrices()[0]) for name in NAMES[:2]
    },
    r"cam_param of camera \('S1', '55011271'\): K .* is no intrinsic": {
        name: dict(K=_changed((1, 2, 2), 0)[i]) for i, name in enumerate(NAMES)
    },
}


@pytest.mark.parametrize('message', BAD_FORMS)
def test_bad_forms(tmp_path: Path, message: str) -> None:
    with pytest.raises(ValueError, match=rf'cameras\.npz: {message}.*\. Correct it, or delete the key'):
        _dataset(tmp_path, cam_param=BAD_FORMS[message])
