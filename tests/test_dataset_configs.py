"""The data bases of the configs, in MMHuman3D's layout, filled with photographs of the studio."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmroi.apis.export import read_recipe
from mmroi.engine.body_model import use_body_model
from mmroi.engine.pipelines import load_config
from mmroi.fileio import HumanData
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset

FOLDER = Path(__file__).parents[1] / 'configs' / '_base_' / 'datasets'
NAMES = sorted(path.stem for path in FOLDER.glob('*.py') if path.stem not in ('common', 'real'))
# Trained on, tested on.
SETS = dict(
    coco=(['coco'], 'pw3d'),
    coco_pw3d=(['coco'], 'pw3d'),
    h36m=(['h36m'], 'h36m'),
    mpii=(['mpii'], 'pw3d'),
    mixture=(['h36m', 'mpi_inf_3dhp', 'coco', 'mpii'], 'pw3d'),
    pw3d=(['pw3d'], 'pw3d'),
    mpi_inf_3dhp=(['mpi_inf_3dhp'], 'mpi_inf_3dhp'),
)
FILES = dict(
    h36m=('h36m_mosh_train', 'h36m_valid_protocol1'),
    coco=('cliff_coco_train',),
    mpii=('cliff_mpii_train',),
    mpi_inf_3dhp=('mpi_inf_3dhp_train', 'mpi_inf_3dhp_test'),
    pw3d=('pw3d_train', 'pw3d_test'),
)


@pytest.fixture(scope='module')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('photos')
    make_dataset(folder, StudioSettings('easy', 96, 0), 4, 1, workers=1, progress=False)
    return folder


@pytest.fixture(scope='module')
def data(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data/`` of MMHuman3D, the studio's pictures in every set.

    COCO's and MPII's have no 3D joints, and no place of the body from which they could be derived.
    """
    root = tmp_path_factory.mktemp('data')
    people = HumanData.fromfile(photos / 'train.npz')
    flat = HumanData({key: people[key] for key in people if not key.startswith(('keypoints3d', 'misc'))})
    flat['smpl'] = {key: value for key, value in people['smpl'].items() if key != 'transl'}
    for name, files in FILES.items():
        shutil.copytree(photos, root / 'datasets' / name)
        for file in files:
            annotations = flat if name in ('coco', 'mpii') else people
            annotations.dump(root / 'preprocessed_datasets' / f'{file}.npz')
    return root


def _config(name: str, root: Path | str | None = None) -> Config:
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    use_body_model(cfg, 'open')
    init_default_scope('mmroi')
    if root is not None:
        cfg.train_dataloader.dataset.data_root = cfg.test_dataloader.dataset.data_root = str(root)
    return cfg


@pytest.mark.parametrize('name', NAMES)
def test_without_data_one_message_says_what_makes_them(name: str) -> None:
    cfg = _config(name)
    for dataset in (cfg.train_dataloader.dataset, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        # The sets of a mixture share the folder, or the file's name, or neither.
        rooted = dataset if 'data_root' in dataset else dataset.datasets[0]
        file = dataset.get('ann_file') or dataset.datasets[0].ann_file
        root = rooted.data_root = f'nowhere/{rooted.data_root}'
        with pytest.raises(FileNotFoundError) as info:
            DATASETS.build(dataset)
        command = 'make-synthetic' if 'synthetic' in name else 'convert'
        for part in (
            f'{root}{file}: no such',
            f'mmroi {command} ',
            'docs/data.md',
        ):
            assert part in str(info.value)


@pytest.mark.parametrize('name', SETS)
def test_sets_of_crops_are_marked(name: str) -> None:
    """Boxes of CLIFF's, SPIN's and EFT's files are squares in some and upright in others."""
    cfg = _config(name)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for dataset in loader.dataset.get('datasets') or [loader.dataset]:
            file = Path(dataset.ann_file).name
            assert dataset.box_margin == 1.2
            assert dataset.get('crop_boxes', False) is file.startswith(('cliff_', 'spin_', 'eft_')), file


def test_square_boxes_of_the_mixture_have_the_scale_of_the_others(data: Path, tmp_path: Path) -> None:
    """A person in MMHuman3D's and in our file is cut out alike, or a third larger without the mark."""
    cfg = _config('coco', data)
    people = HumanData.fromfile(data / 'preprocessed_datasets' / 'cliff_coco_train.npz')
    boxes = np.tile((20.0, 10, 45, 60, 1), (people.data_len, 1))
    squares = boxes - (7.5, 0, -15, 0, 0)
    sizes = []
    for values, mark in ((boxes, True), (squares, True), (squares, False)):
        HumanData({**people, 'bbox_xywh': values}).dump(tmp_path / 'made.npz')
        dataset = DATASETS.build(
            {
                **cfg.train_dataloader.dataset,
                'ann_file': str(tmp_path / 'made.npz'),
                'crop_boxes': mark,
                'pipeline': cfg.test_pipeline,
            }
        )
        sizes.append(dataset[0]['data_samples'].boxes[0])
    np.testing.assert_allclose(sizes[1], sizes[0])
    np.testing.assert_allclose(sizes[2], sizes[0] * (1, 1, 4 / 3))


@pytest.mark.parametrize('width, height', [(30, 60), (45, 60), (60, 60), (60, 50), (80, 20)])
def test_mmhuman3d_cliff_sees_the_boxes_that_it_was_trained_on(width: float, height: float) -> None:
    """The longer side of any box is the width of the crop; so are 3DPW's, which are not square."""
    cfg = load_config(FOLDER.parents[1] / 'cliff' / 'cliff_r50_mmhuman3d-published-1xb48-5e_pw3d-256x192.py')
    init_default_scope('mmroi')
    assert cfg.test_dataloader.dataset.pipeline[1] == cfg.train_dataloader.dataset.pipeline[1]
    margin = cfg.test_dataloader.dataset.box_margin
    sample = dict(
        img=np.zeros((200, 200, 3), np.uint8),
        bbox_xywh=np.array((40.0, 50, width, height)),
        box_margin=margin,
    )
    b = Compose(cfg.test_dataloader.dataset.pipeline[:3])(sample)['boxes'][0, 2]
    assert b * cfg.model.head.box_scale == pytest.approx(max(width, height))
    recipe = read_recipe(cfg)  # of an exported network
    tight = max(height, width / recipe.box_aspect) / margin
    assert tight * recipe.box_scale == pytest.approx(b)


@pytest.mark.parametrize('name', SETS)
def test_sets_in_the_layout_of_mmhuman3d(name: str, data: Path) -> None:
    cfg = _config(name, data)
    trained, tested = SETS[name]
    for config, names in ((cfg.train_dataloader.dataset, trained), (cfg.test_dataloader.dataset, [tested])):
        dataset = DATASETS.build(config)
        rows = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert sorted({row['dataset_name'] for row in rows}) == sorted(names)
        assert dataset[0]['inputs'].shape == (5, 3, 256, 192)
        assert str(data / 'datasets' / rows[0]['dataset_name']) in rows[0]['img_path']
    protocols = dict(h36m=['h36m_p1', 'h36m_p2'], mpi_inf_3dhp=['mpi_inf_3dhp'], pw3d=['3dpw'])
    assert cfg.val_evaluator == cfg.test_evaluator
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
    assert [evaluator.protocol for evaluator in evaluators] == protocols[tested]
    assert cfg.val_dataloader.dataset.ann_file == cfg.test_dataloader.dataset.ann_file


def test_mixture_through_its_loader(data: Path) -> None:
    cfg = _config('mixture', data)
    cfg.train_dataloader.update(batch_size=4, num_workers=2)
    cfg.train_dataloader.sampler.epoch_size = 32
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    batches = list(loader)
    samples = [sample for batch in batches for sample in batch['data_samples']]
    names = [sample.dataset_name for sample in samples]
    assert [names.count(name) for name in SETS['mixture'][0]] == [16, 4, 8, 4]
    assert max(len(set(names[i : i + 4])) for i in range(0, 32, 4)) > 1  # not one set after the other
    for sample in samples:
        labels = sample.gt_instances
        assert labels.has_keypoints3d[0] == (sample.dataset_name in ('h36m', 'mpi_inf_3dhp'))
        assert labels.has_smpl[0] == labels.has_keypoints2d[0] == 1
        assert all(np.isfinite(labels[key]).all() for key in labels.keys())
    assert all(len(batch['inputs']) == 4 for batch in batches)


def test_one_pipeline_for_all_sets_of_the_mixture(data: Path, tmp_path: Path) -> None:
    """What a config with square crops and another number of RoIs writes."""
    (tmp_path / 'square.py').write_text(f"""
_base_ = '{FOLDER / 'mixture.py'}'
num_rois = 2
crop_size = (64, 64)
train_dataloader = dict(dataset=dict(data_root='{data}'))
""")
    init_default_scope('mmroi')
    cfg = load_config(tmp_path / 'square.py')
    use_body_model(cfg, 'open')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    first_of_each = [0, *dataset.cumulative_sizes[:-1]]
    batch = pseudo_collate([dataset[i] for i in first_of_each])
    assert [tuple(crops.shape) for crops in batch['inputs']] == [(2, 3, 64, 64)] * 4
