"""People of an annotation file as the inputs of an exported network."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmroi.apis.people_arrays import read_people
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset

pytestmark = pytest.mark.usefixtures('mmroi_scope')


@pytest.fixture(scope='module')
def annotations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('people')
    make_dataset(folder, StudioSettings('easy', 96), 5, 0, workers=1, progress=False)
    return folder / 'train.npz'


@pytest.fixture
def cfg() -> Config:
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetPersonBox'),
        dict(type='MultiRoICrop', num_rois=3, crop_size=(64, 48)),
        dict(type='PackHMRInputs'),
    ]
    return Config(dict(test_dataloader=dict(dataset=dict(type='HumanImageDataset', pipeline=pipeline))))


def test_people_are_those_of_the_test_pipeline(annotations: Path, cfg: Config) -> None:
    people = list(read_people(cfg, annotations, 3))
    dataset = DATASETS.build(
        dict(cfg.test_dataloader.dataset, ann_file=str(annotations), data_root=f'{annotations.parent}/')
    )
    assert len(people) == 3
    for row, person in zip((0, (len(dataset) - 1) // 2, len(dataset) - 1), people, strict=True):
        packed = dataset[row]
        np.testing.assert_array_equal(person['crops'][0], packed['inputs'].numpy())
        np.testing.assert_array_equal(person['boxes'][0], packed['data_samples'].boxes)
        assert person['focal_length'].tolist() == [packed['data_samples'].focal_length]
    assert people[0]['crops'].shape == (1, 3, 3, 64, 48) and people[0]['crops'].dtype == np.uint8
    assert people[0]['boxes'].dtype == people[0]['focal_length'].dtype == np.float64
    assert len(list(read_people(cfg, annotations, 100))) == len(dataset)


def test_bad_requests(annotations: Path, cfg: Config, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='must be positive, not 0'):
        next(read_people(cfg, annotations, 0))
    with pytest.raises(FileNotFoundError, match='absent.npz does not exist'):
        next(read_people(cfg, tmp_path / 'absent.npz', 1))
    np.savez(tmp_path / 'other.npz', image_path=np.array(['a.jpg']))
    with pytest.raises(ValueError, match=r"other\.npz: key 'bbox_xywh' is missing"):
        next(read_people(cfg, tmp_path / 'other.npz', 1))
    np.savez(tmp_path / 'empty.npz', image_path=np.zeros(0, str), bbox_xywh=np.zeros((0, 5)))
    with pytest.raises(ValueError, match=r'empty\.npz.*no '):
        next(read_people(cfg, tmp_path / 'empty.npz', 1))
