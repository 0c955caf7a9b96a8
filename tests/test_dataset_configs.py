"""The data bases of the configs, in MMHuman3D's layout, filled with photographs of the studio."""
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmroi.datasets import HumanData
from mmroi.datasets.synthetic import StudioSettings, make_dataset
from mmroi.engine.body_model import use_body_model
from mmroi.registry import DATASETS

FOLDER = Path(__file__).parents[1] / 'configs' / '_base_' / 'datasets'
NAMES = sorted(path.stem for path in FOLDER.glob('*.py') if path.stem not in ('common', 'photographs'))
# Trained on, tested on.
SETS = dict(
    coco=(['coco'], 'pw3d'), coco_pw3d=(['coco'], 'pw3d'), h36m=(['h36m'], 'h36m'), mpii=(['mpii'], 'pw3d'),
    mixture=(['h36m', 'mpi_inf_3dhp', 'coco', 'mpii'], 'pw3d'), pw3d=(['pw3d'], 'pw3d'),
    mpi_inf_3dhp=(['mpi_inf_3dhp'], 'mpi_inf_3dhp'))
FILES = dict(
    h36m=('h36m_mosh_train', 'h36m_valid_protocol2'), coco=('cliff_coco_train',), mpii=('cliff_mpii_train',),
    mpi_inf_3dhp=('mpi_inf_3dhp_train', 'mpi_inf_3dhp_test'), pw3d=('pw3d_train', 'pw3d_test'))


@pytest.fixture(scope='module')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('photos')
    make_dataset(folder, StudioSettings('easy', 96, 0), 4, 1, workers=1, progress=False)
    return folder


@pytest.fixture(scope='module')
def data(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data/`` of MMHuman3D, the studio's pictures in every set; COCO's and MPII's have no 3D joints."""
    root = tmp_path_factory.mktemp('data')
    people = HumanData.fromfile(photos / 'train.npz')
    flat = HumanData({key: people[key] for key in people if not key.startswith(('keypoints3d', 'misc'))})
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
        with pytest.raises(FileNotFoundError) as info:
            DATASETS.build({**dataset, 'data_root': f'nowhere/{dataset.data_root}'})
        file = dataset.get('ann_file') or dataset.datasets[0].ann_file
        tool = 'make_synthetic.py' if 'synthetic' in name else 'convert.py'
        for part in (f'nowhere/{dataset.data_root}{file}: no such', f'python tools/dataset_tools/{tool} ',
                     'docs/data.md'):
            assert part in str(info.value)


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
    protocols = dict(h36m='h36m_p2', mpi_inf_3dhp='mpi_inf_3dhp', pw3d='3dpw')
    assert cfg.val_evaluator == cfg.test_evaluator
    assert cfg.test_evaluator.protocol == protocols[tested]
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
    assert max(len(set(names[i:i + 4])) for i in range(0, 32, 4)) > 1  # not one set after the other
    for sample in samples:
        labels = sample.gt_instances
        assert labels.has_keypoints3d[0] == (sample.dataset_name in ('h36m', 'mpi_inf_3dhp'))
        assert labels.has_smpl[0] == labels.has_keypoints2d[0] == 1
        assert all(np.isfinite(labels[key]).all() for key in labels.keys())
    assert all(len(batch['inputs']) == 4 for batch in batches)


def test_one_pipeline_for_all_sets_of_the_mixture(data: Path, tmp_path: Path) -> None:
    """What a config with square crops and another number of RoIs writes."""
    (tmp_path / 'square.py').write_text(f'''
_base_ = '{FOLDER / "mixture.py"}'
train_pipeline = _base_.train_pipeline
train_pipeline[1].update(aspect=1.0)
train_pipeline[-2].update(num_rois=2, crop_size=(64, 64))
train_dataloader = dict(dataset=dict(data_root='{data}', pipeline=train_pipeline))
''')
    init_default_scope('mmroi')
    cfg = Config.fromfile(tmp_path / 'square.py')
    use_body_model(cfg, 'open')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    first_of_each = [0, *dataset.cumulative_sizes[:-1]]
    batch = pseudo_collate([dataset[i] for i in first_of_each])
    assert [tuple(crops.shape) for crops in batch['inputs']] == [(2, 3, 64, 64)] * 4
