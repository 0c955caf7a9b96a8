import pickle

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.structures import HMRDataSample


@pytest.fixture
def sample():
    sample = HMRDataSample(metainfo=dict(img_path='a.jpg', boxes=np.ones((5, 3))))
    sample.gt_instances = InstanceData(betas=torch.ones(1, 10))
    return sample


def test_fields_hold_instance_data_and_move_together(sample):
    sample.pred_instances = InstanceData(betas=torch.zeros(1, 10))
    moved = sample.to(torch.float64)
    assert moved.gt_instances.betas.dtype == moved.pred_instances.betas.dtype == torch.float64
    assert moved.boxes.shape == (5, 3) and moved.img_path == 'a.jpg'
    assert isinstance(sample.numpy().gt_instances.betas, np.ndarray)


def test_fields_can_be_deleted(sample):
    del sample.gt_instances
    assert 'gt_instances' not in sample


def test_fields_refuse_other_types(sample):
    with pytest.raises(AssertionError, match='InstanceData'):
        sample.gt_instances = dict(betas=torch.zeros(1, 10))


def test_survives_the_trip_from_a_loader_worker(sample):
    copy = pickle.loads(pickle.dumps(sample))
    assert torch.equal(copy.gt_instances.betas, sample.gt_instances.betas)
    np.testing.assert_array_equal(copy.boxes, sample.boxes)
