import pickle

import numpy as np
import torch

from mmroi.datasets import MultiRoICrop, PackHMRInputs
from mmroi.structures import HMRDataSample


def test_packed_sample_of_the_contract(sample: dict) -> None:
    results = MultiRoICrop(3, (64, 48))(dict(sample))
    packed = PackHMRInputs()(results)
    inputs, data_sample = packed['inputs'], packed['data_samples']
    assert inputs.shape == (3, 3, 64, 48) and inputs.dtype == torch.uint8
    # Channels keep OpenCV's order: blue holds the column number, green the row, red 100 (see the fixture).
    assert (inputs[0, 2] == 100).all()
    np.testing.assert_array_equal(inputs.numpy(), results['crops'].transpose(0, 3, 1, 2))
    assert isinstance(data_sample, HMRDataSample)
    labels = data_sample.gt_instances
    shapes = dict(
        global_orient=(1, 3),
        body_pose=(1, 23, 3),
        betas=(1, 10),
        pelvis=(1, 3),
        keypoints2d=(1, 54, 3),
        keypoints3d=(1, 54, 4),
        has_smpl=(1,),
        has_keypoints2d=(1,),
        has_keypoints3d=(1,),
        has_transl=(1,),
    )
    assert {key: value.shape for key, value in labels.items()} == shapes
    assert all(value.dtype == np.float32 for value in labels.values())
    assert labels.has_smpl == 1 and labels.has_transl == 0
    np.testing.assert_array_equal(labels.keypoints2d[0], sample['keypoints2d'])
    assert data_sample.boxes.shape == (3, 3) and data_sample.boxes.dtype == np.float64
    assert data_sample.crop_matrices.shape == (3, 2, 3)
    assert data_sample.focal_length == 200 and data_sample.crop_size == (64, 48)
    assert data_sample.img_shape == (120, 160) and data_sample.sample_idx == 3
    assert data_sample.roll == 0 and data_sample.flip is False
    assert data_sample.gender == 'neutral' and data_sample.dataset_name == 'unit'
    assert data_sample.img_path == 'a.png'
    again = pickle.loads(pickle.dumps(data_sample))
    np.testing.assert_array_equal(again.gt_instances.betas, labels.betas)


def test_meta_keys_can_be_chosen(sample: dict) -> None:
    packed = PackHMRInputs(meta_keys=('boxes', 'absent'))(MultiRoICrop(1, (32, 24))(sample))
    assert list(packed['data_samples'].metainfo_keys()) == ['boxes']


def test_the_number_of_a_person_is_that_of_its_box_and_image(sample: dict) -> None:
    def number(**changes: object) -> int:
        return pack(dict(sample, **changes))['data_samples'].person_id

    def pack(values: dict) -> dict:
        return PackHMRInputs()(MultiRoICrop(num_rois=2, crop_size=(32, 24))(values))

    box = np.array(sample['bbox_xywh'], np.float64)
    same = {number(), number(sample_idx=9), number(bbox_xywh=box.astype(np.float32)), number(flip=True)}
    other = {number(bbox_xywh=box + 1), number(img_path='b.jpg'), number(dataset_name='other')}
    assert len(same) == 1 and len(other | same) == 4
    assert all(0 <= n < 2**63 for n in same | other)
