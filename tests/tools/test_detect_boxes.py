"""The tool as a user runs it, on rendered people."""

import numpy as np
import pytest

from mmroi.datasets import HumanImageDataset
from mmroi.fileio import HumanData
from mmroi.synthetic import StudioSettings, make_dataset

TOOL = 'dataset_tools/detect_boxes.py'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('people')
    make_dataset(folder, StudioSettings('easy', 160, 0), 0, 3, workers=1, progress=False)
    return folder


def test_detected_boxes_are_near_the_tight_ones(folder, run_tool):
    new, old = folder / 'detected.npz', HumanData.fromfile(folder / 'val.npz')
    options = '--det-model', 'movenet', '--unmatched', 'keep', '--device', 'cpu'
    done = run_tool(TOOL, folder / 'val.npz', new, *options)
    assert f'{old.data_len} people in 3 images: ' in done.stdout
    # The network reads the new file as the old one; only boxes differ.
    people, boxed = (HumanImageDataset(name, str(folder), test_mode=True) for name in ('val.npz', new.name))
    assert len(people) == len(boxed) == old.data_len
    overlaps = HumanData.fromfile(new)['misc']['detection_iou']
    assert (overlaps > 0.5).sum() >= 2  # of people who fill the image
    for row, overlap in enumerate(overlaps):
        before, after = people.get_data_info(row), boxed.get_data_info(row)
        box, detected = before.pop('bbox_xywh'), after.pop('bbox_xywh')
        assert (box != detected).any() == (overlap > 0)
        if overlap > 0:  # a tight box, too
            np.testing.assert_allclose(detected[2:], box[2:], rtol=0.3)
        before.pop('bbox_score'), after.pop('bbox_score')
        before.pop('dataset_name'), after.pop('dataset_name')
        for key, value in before.items():
            np.testing.assert_array_equal(value, after[key])


def test_an_error_is_one_sentence_and_nothing_is_written(folder, run_tool, tmp_path):
    done = run_tool(TOOL, folder / 'val.npz', tmp_path / 'new.npz', '--data-root', tmp_path, check=False)
    assert done.returncode != 0 and not list(tmp_path.iterdir())
    assert 'cannot be read (No such file or directory)' in done.stderr.splitlines()[-1]
