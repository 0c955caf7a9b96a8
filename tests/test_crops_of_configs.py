"""One tight box gives the same crops by every way into a network, for every config."""

import argparse
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.apis import MultiRoIInferencer, build_model
from mmroi.apis.export import describe_crops, read_recipe
from mmroi.apis.inference.frames import Frame
from mmroi.engine.config_numbers import NUMBERS
from mmroi.engine.launch import read_runner_config
from mmroi.engine.pipelines import CropSettings, load_config, read_crops
from mmroi.engine.tta import use_tta
from mmroi.fileio import HumanData
from mmroi.registry import DATASETS
from mmroi.structures import HMRDataSample

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob('configs/[!_]*/*.py'))
HEIGHT, WIDTH = 90, 120
TIGHT = np.array((40.0, 20.0, 71.0, 73.0))  # xyxy: 31 x 53
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def name_of(path: Path) -> str:
    return f'{path.parent.name}/{path.stem}'


@pytest.fixture(scope='module')
def image() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT // 6, WIDTH // 6, 3), np.uint8)
    return cv2.resize(noise, (WIDTH, HEIGHT))


@pytest.fixture(scope='module')
def run_onnx() -> Any:
    spec = importlib.util.spec_from_file_location('run_onnx', ROOT / 'tools' / 'deployment' / 'run_onnx.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def by_dataset(cfg: Config, folder: Path, image: np.ndarray, margin: float) -> Any:
    """What the test dataset gives for the person, whose box in the annotation has a margin."""
    cv2.imwrite(str(folder / 'image.png'), image)
    center, size = (TIGHT[:2] + TIGHT[2:]) / 2, margin * (TIGHT[2:] - TIGHT[:2])
    boxes = np.array([[*(center - size / 2), *size, 1.0]])
    people = HumanData(dict(image_path=np.array(['image.png']), bbox_xywh=boxes))
    people.dump(folder / 'people.npz')
    dataset = dict(
        cfg.test_dataloader.dataset,
        data_root=str(folder),
        ann_file='people.npz',
        data_prefix=dict(img_path=''),
        body_model=None,
    )
    return DATASETS.build(dataset)[0]


def by_inferencer(cfg: Config, image: np.ndarray, box_scale: float | None = None) -> dict:
    """What the inferencer gives its network; the network is left out, which would take seconds."""
    inferencer = object.__new__(MultiRoIInferencer)
    inferencer._box_scale = box_scale
    pipeline = inferencer._init_pipeline(cfg)
    return pipeline(inferencer._to_sample(Frame(image, 'image', 'image.png'), TIGHT, None))


@pytest.mark.parametrize('path', CONFIGS, ids=name_of)
def test_one_tight_box_one_set_of_crops(path: Path, image: np.ndarray, run_onnx: Any, tmp_path: Path) -> None:
    cfg = load_config(path)
    init_default_scope('mmroi')
    margin = 1.0 if 'synthetic' in path.stem else 1.2  # of the boxes in the files that the config names
    np.random.seed(0)
    test = by_dataset(cfg, tmp_path, image, margin)
    np.random.seed(0)
    demo = by_inferencer(cfg, image)
    use_tta(cfg)
    np.random.seed(0)
    views = by_dataset(cfg, tmp_path, image, margin)
    [unmirrored] = [i for i, sample in enumerate(views['data_samples']) if not sample.flip]
    sample: HMRDataSample = test['data_samples']
    # Each view of a random set draws its own RoIs, all but the base box.
    same = slice(1 if path.stem.endswith('multi-roi_r50_1xb48-25e_coco-256x192_rois_random') else None)
    for other, inputs, rois in (
        (demo['data_samples'], demo['inputs'], slice(None)),
        (views['data_samples'][unmirrored], views['inputs'][unmirrored], same),
    ):
        for key in ('crop_matrices', 'boxes'):
            np.testing.assert_allclose(other.get(key)[rois], sample.get(key)[rois], rtol=1e-12, atol=1e-9)
        assert torch.equal(inputs[rois], test['inputs'][rois])

    if path.stem.endswith('multi-roi_r50_1xb48-25e_coco-256x192_rois_random'):
        with pytest.raises(ValueError, match='random=False'):
            read_recipe(load_config(path))
        return
    recipe = describe_crops(read_recipe(load_config(path)))
    by_onnx = run_onnx.make_inputs(image, TIGHT[None], None, recipe)
    np.testing.assert_allclose(by_onnx['boxes'][0], sample.boxes, rtol=1e-12, atol=1e-9)
    assert by_onnx['crops'].shape[1:] == test['inputs'].shape
    # The boxes and the crop size decide the matrices; rounding may change a gray level.
    assert np.abs(by_onnx['crops'][0].astype(int) - test['inputs'].numpy()).max() <= 1


@pytest.mark.parametrize('path', CONFIGS, ids=name_of)
def test_all_loaders_take_crops_in_one_way(path: Path) -> None:
    cfg = load_config(path)
    assert len({read_crops(cfg[loader]) for loader in LOADERS}) == 1
    assert not set(NUMBERS) & set(cfg.keys())


@pytest.mark.parametrize('box', ['GetPersonBox', 'mmroi.GetPersonBox'])
def test_a_margin_written_out_means_the_same_in_test_and_demo(
    box: str, image: np.ndarray, tmp_path: Path
) -> None:
    cfg = load_config(ROOT / 'configs/multi_roi/multi-roi_r18_1xb16-5e_synthetic-96x72.py')
    init_default_scope('mmroi')
    wanted = by_dataset(cfg, tmp_path, image, 1.0)['data_samples'].boxes
    assert wanted[0, 2] == 1.2 * 53
    cfg.test_dataloader.dataset.pipeline[1].update(type=box, scale=1.2)
    np.testing.assert_array_equal(by_inferencer(cfg, image)['data_samples'].boxes, wanted)
    assert read_recipe(cfg).box_scale == 1.2
    assert by_inferencer(cfg, image, 1.1)['data_samples'].boxes[0, 2] == 1.1 * 53


def options(**values: Any) -> argparse.Namespace:
    common = dict(body_model='open', work_dir=None, launcher='none', local_rank=0)
    return argparse.Namespace(**common, **values)


@pytest.mark.parametrize(
    'name',
    [
        'cliff/cliff_r18_1xb64-20e_synthetic-96x72',
        'hmr/hmr_r50_1xb48-25e_synthetic-256x192',
        'multi_roi/multi-roi_r18_1xb16-5e_synthetic-96x72',
        'multi_roi/multi-roi_r50_1xb48-25e_synthetic-256x192',
    ],
)
def test_one_option_changes_the_number_of_rois_of_data_and_network(name: str) -> None:
    path = ROOT / 'configs' / f'{name}.py'
    cfg = read_runner_config(options(config=str(path), cfg_options=dict(num_rois=3, crop_size=[64, 48])))
    wanted = CropSettings(3, (64, 48), 0.75, 1.2)
    assert all(read_crops(cfg[loader]) == wanted for loader in LOADERS)
    model = build_model(cfg).eval()
    crops = torch.zeros(2, 3, 3, 64, 48)
    boxes = torch.tensor([0.0, 0.0, 60.0], dtype=torch.float64).expand(2, 3, 3)
    with torch.no_grad():
        output = model.regress(crops, boxes, torch.full((2,), 150.0, dtype=torch.float64))
    assert output['cameras'].shape[:2] == (2, 3)


@pytest.mark.parametrize(
    'name',
    [
        'multi-roi_r50_1xb48-25e_coco-256x192_table4_m1',
        'multi-roi_r50_1xb48-25e_coco-256x192_table4_m3',
        'multi-roi_r50_1xb48-25e_coco-256x192_rois_m7',
    ],
)
def test_the_number_of_rois_is_one_line_of_a_config(name: str) -> None:
    path = ROOT / 'configs/ablation' / f'{name}.py'
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith('#')]
    assert lines == ["_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'", f'num_rois = {name[-1]}']
    model = build_model(path, body_model='open')
    assert model.fusion.num_rois == int(name[-1]) == read_crops(model.cfg).num_rois
