from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmroi.benchmark.speed.datasets import enlarge, read_people, usable_dataset

CROP = dict(type='mmroi.MultiRoICrop', num_rois=3, crop_size=(64, 48))


def test_synthetic_images_where_the_files_do_not_exist(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('mmroi.benchmark.speed.datasets.NUM_IMAGES', 3)
    init_default_scope('mmroi')
    dataset = ConfigDict(type='HumanImageDataset', ann_file='absent.npz', pipeline=[CROP])
    usable = usable_dataset(dataset, tmp_path)
    assert 'absent.npz' in capsys.readouterr().out and usable.pipeline == dataset.pipeline
    people = read_people(usable, 2, tmp_path, (320, 200))
    assert len(people) == 2
    assert all(cv2.imread(person['img_path']).shape == (200, 320, 3) for person in people)
    assert usable_dataset(usable, tmp_path) is usable  # its files exist


def test_scaled_images_keep_their_labels(tmp_path):
    image = np.zeros((100, 300, 3), np.uint8)
    image[40:60, 200:220] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    row = dict(
        img_path=str(tmp_path / 'a.png'),
        bbox_xywh=np.array([200.0, 40, 20, 20]),
        focal_length=50.0,
        keypoints2d=np.array([[210.0, 50, 1]]),
        principal_point=np.array([150.0, 50]),
    )
    for frame in ((200, 200), (800, 200)):
        from_wide = enlarge(row, frame, tmp_path / 'b.jpg')
        seen = cv2.imread(from_wide['img_path'])
        x, y, width, height = from_wide['bbox_xywh']
        found = np.argwhere(seen[:, :600, 0] > 128)
        assert seen.shape[:2] == frame[::-1] and (width, height) == (40, 40)
        np.testing.assert_allclose(found.mean(0) + 0.5, (y + 20, x + 20), atol=0.5)
        np.testing.assert_allclose(from_wide['keypoints2d'], [[x + 20, y + 20, 1]])
        np.testing.assert_allclose(from_wide['principal_point'], (x + 20 - 120, 100))
        assert from_wide['focal_length'] == 100


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match='absent.png does not exist'):
        enlarge(dict(img_path=str(Path(tmp_path / 'absent.png'))), (20, 20), tmp_path / 'b.jpg')
