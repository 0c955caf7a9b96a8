"""Crops by center and scale have one size, whoever wrote the file."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mmengine.registry import Registry, init_default_scope

from mmroi.datasets import HumanImageDataset, MixedDataset
from mmroi.datasets import converters as ours
from mmroi.datasets.boxes import find_square, make_upright
from mmroi.fileio import HumanData
from mmroi.registry import CONVERTERS

from .conftest import write_images

NUM = 12


def _crops() -> dict[str, np.ndarray]:
    """An npz of SPIN and CLIFF: every member that converters read, with labels of nobody."""
    rng = np.random.default_rng(0)
    return dict(
        imgname=np.array([f'images/{i}.png' for i in range(NUM)]),
        center=rng.uniform(80, 160, (NUM, 2)),
        scale=rng.uniform(0.5, 1.5, NUM),
        part=np.ones((NUM, 24, 3)),
        openpose=np.ones((NUM, 25, 3)),
        pose=np.zeros((NUM, 72)),
        shape=np.zeros((NUM, 10)),
        global_t=np.ones((NUM, 3)),
        focal_l=np.full(NUM, 400.0),
        has_smpl=np.ones(NUM),
    )


def _eft(crops: dict[str, np.ndarray]) -> dict:
    pose = np.tile(np.eye(3), (24, 1, 1)).tolist()
    return dict(
        data=[
            dict(
                imageName=Path(name).name,
                bbox_center=center.tolist(),
                bbox_scale=scale,
                parm_pose=pose,
                parm_shape=[0.0] * 10,
                parm_cam=[0.9, 0, 0],
                gt_keypoint_2d=np.ones((49, 3)).tolist(),
            )
            for name, center, scale in zip(crops['imgname'], crops['center'], crops['scale'], strict=True)
        ]
    )


@pytest.fixture
def their_converter(import_mmhuman3d: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """A converter class of MMHuman3D by its module; their package imports all, which needs pickle5."""

    def load(name: str) -> type:
        package = 'mmhuman3d.data.data_converters'
        folder = Path(import_mmhuman3d('data').__file__).parent / 'data_converters'
        modules = {package: ModuleType(package), f'{package}.builder': ModuleType(f'{package}.builder')}
        modules[package].__path__ = [str(folder)]
        modules[f'{package}.builder'].DATA_CONVERTERS = Registry('converters of MMHuman3D')
        for path, module in modules.items():
            monkeypatch.setitem(sys.modules, path, module)
        module = import_mmhuman3d(f'data.data_converters.{name}')
        monkeypatch.delitem(sys.modules, module.__name__)
        import_mmhuman3d('data.data_structures.human_data').HumanData.set_logger('silent')
        if name == 'eft':  # needs pytorch3d
            monkeypatch.setattr(module, 'rotmat_to_aa', lambda matrices: np.zeros((len(matrices), 3)))
        return getattr(module, f'{name.title()}Converter')

    return load


@pytest.mark.parametrize('single', [False, True], ids=['double', 'single'])
@pytest.mark.parametrize(
    'kind, mode, file, converter, options',
    [
        ('cliff', 'coco', 'coco2014part_cliffGT.npz', 'coco', {}),
        ('cliff', 'mpii', 'mpii_cliffGT.npz', 'mpii', {}),
        ('spin', 'mpii', 'mpii_train.npz', 'spin', dict(labels_file=Path('mpii_train.npz'))),
        ('eft', 'mpii', 'MPII_fit/MPII_ver01.json', 'mpii', dict(labels='eft')),
    ],
)
def test_rows_of_their_file_and_ours_have_one_box(
    their_converter: Callable,
    tmp_path: Path,
    kind: str,
    mode: str,
    file: str,
    converter: str,
    options: dict,
    single: bool,
) -> None:
    crops = _crops()
    if single:
        crops.update({key: crops[key].astype(np.float32) for key in ('center', 'scale')})
    write_images(tmp_path, crops['imgname'].tolist())
    (tmp_path / file).parent.mkdir(exist_ok=True)
    if kind == 'eft':
        crops['scale'] = crops['scale'].astype(np.float64)
        (tmp_path / file).write_text(json.dumps(_eft(crops)))
    else:
        np.savez(tmp_path / file, **crops)
    their_converter(kind)([mode]).convert_by_mode(str(tmp_path), str(tmp_path / 'theirs'), mode)
    (theirs,) = (tmp_path / 'theirs').glob('*.npz')
    made = ours.convert_split(
        CONVERTERS.get(converter)(tmp_path, **options), 'train', tmp_path / 'ours', progress=False
    ).path
    assert theirs.name == made.name
    assert find_square(HumanData.fromfile(theirs)['bbox_xywh']).all()
    sets = [
        HumanImageDataset(str(path), data_prefix=dict(img_path=str(tmp_path)), crop_boxes=mark)
        for path, mark in ((theirs, True), (made, True), (made, None), (theirs, None))
    ]
    rows = [[data_set.get_data_info(i) for i in range(NUM)] for data_set in sets]
    squares = rows.pop()
    for i, each in enumerate(zip(*rows, strict=True)):
        height = 200 * float(crops['scale'][i])
        expected = *(crops['center'][i] - (0.375 * height, height / 2)), 0.75 * height, height
        for row in each:
            np.testing.assert_allclose(row['bbox_xywh'], expected, atol=1e-3 if single else 1e-9)
        assert squares[i]['bbox_xywh'][2] == pytest.approx(height)


def test_upright_by_hand() -> None:
    boxes = np.array([(100, 50, 80, 80, 0.5), (0, 0, 60, 80, 1), (10, 20, 80.01, 80, 1), (10, 20, 90, 80, 1)])
    np.testing.assert_array_equal(find_square(boxes), (True, False, True, False))
    found = make_upright(boxes)
    np.testing.assert_allclose(found[:2], [(110, 50, 60, 80, 0.5), (0, 0, 60, 80, 1)])
    np.testing.assert_array_equal(found[3], boxes[3])
    assert boxes[0, 0] == 100  # a copy
    center, size = found[:, :2] + found[:, 2:4] / 2, found[:, 2:4]
    np.testing.assert_allclose(center, boxes[:, :2] + boxes[:, 2:4] / 2)
    np.testing.assert_allclose(size[[0, 2]], [(60, 80), (60.0075, 80)])
    bad = np.array([(np.nan, 0, np.nan, 5, 1), (0, 0, 0, 0, 1)])
    np.testing.assert_array_equal(make_upright(bad), bad)  # for others to find


@pytest.fixture
def squares(people: HumanData, tmp_path: Path) -> Callable:
    """Write a file whose first people have square boxes."""

    def write(num: int, square: int) -> Path:
        boxes = np.tile((10.0, 20, 30, 50, 1), (num, 1))
        boxes[:, 0] += np.arange(num)
        boxes[:square, 3] = 30
        HumanData(dict(image_path=[f'{i}.png' for i in range(num)], bbox_xywh=boxes)).dump(tmp_path / 'a.npz')
        return tmp_path / 'a.npz'

    return write


@pytest.mark.parametrize(
    'num, square, mark, warnings',
    [(40, 40, None, 1), (40, 40, True, 0), (40, 40, False, 0), (40, 39, None, 0), (9, 9, None, 0)],
)
def test_unmarked_squares_are_reported_once(
    squares: Callable,
    monkeypatch: pytest.MonkeyPatch,
    num: int,
    square: int,
    mark: bool | None,
    warnings: int,
) -> None:
    messages: list[str] = []
    monkeypatch.setattr(
        'mmroi.datasets.human_image_dataset.print_log', lambda text, *_, **__: messages.append(text)
    )
    data_set = HumanImageDataset(str(squares(num, square)), crop_boxes=mark)
    assert len(messages) == warnings
    for text in messages:
        for part in ('a.npz: all 40 boxes are square', 'a third larger', 'crop_boxes=True', '=False keeps'):
            assert part in text
    assert data_set.get_data_info(0)['bbox_xywh'][2] == (22.5 if mark else 30)


def test_a_mark_per_set_of_a_mixture(squares: Callable) -> None:
    init_default_scope('mmroi')
    path = str(squares(20, 20))
    mixture = MixedDataset(
        [
            dict(type='HumanImageDataset', ann_file=path, crop_boxes=True),
            dict(type='HumanImageDataset', ann_file=path),
        ],
        pipeline=[],
    )
    assert [mixture.get_data_info(i)['bbox_xywh'][2] for i in (0, 20)] == [22.5, 30]
    # Also where rows are read by another process, or all pickled.
    data_set = HumanImageDataset(path, crop_boxes=True)
    data_set.data_list._columns = None
    assert data_set.get_data_info(0)['bbox_xywh'][2] == 22.5
