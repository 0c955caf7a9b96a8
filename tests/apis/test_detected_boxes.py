"""Boxes that are given in place of a detector's, matched by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.apis.detected_boxes import replace_boxes
from mmroi.apis.inference import BadInputError
from mmroi.apis.inference.given_people import GivenPeople
from mmroi.datasets import BadSampleError
from mmroi.fileio import HumanData

# The rows of an image need not follow one another.
PATHS = ['a.png', 'b.png', 'a.png', 'a.png']
BOXES = [[10, 10, 20, 40], [5, 5, 30, 30], [60, 10, 20, 40], [30, 60, 10, 10]]


@pytest.fixture
def annotations(tmp_path: Path) -> HumanData:
    """Three people in the first image and one in the second."""
    for name in ('a.png', 'b.png'):
        cv2.imwrite(str(tmp_path / name), np.zeros((100, 100, 3), np.uint8))
    boxes = np.column_stack([BOXES, np.ones(4)])
    misc = dict(focal_length=[100.0, 101, 102, 103])
    return HumanData(dict(image_path=PATHS, bbox_xywh=boxes, meta=dict(gender=[*'mfnf']), misc=misc))


@pytest.fixture
def detector() -> GivenPeople:
    """Finds the third row exactly, the first one 2 pixels lower (IoU 38 / 42), and nobody else."""
    of_a = [[60, 10, 80, 50, 0.9], [10, 12, 30, 52, 0.8], [80, 80, 95, 95, 0.7]]
    return GivenPeople({'a.png': of_a, 'b.png': np.zeros((0, 5))})


def test_people_without_a_detection_are_left_out(annotations, detector, tmp_path) -> None:
    found = replace_boxes(annotations, tmp_path, detector)
    new = found.annotations
    assert list(new['image_path']) == ['a.png', 'a.png']
    np.testing.assert_allclose(new['bbox_xywh'], [[10, 12, 20, 40, 0.8], [60, 10, 20, 40, 0.9]])
    assert new['meta']['gender'] == ['m', 'n'] and list(new['misc']['focal_length']) == [100, 102]
    np.testing.assert_allclose(new['misc']['detection_iou'], [38 / 42, 1], rtol=1e-6)
    np.testing.assert_allclose(found.overlaps, [38 / 42, 0, 1, 0])
    assert str(found) == (
        '4 people in 2 images: 2 detected (mean IoU 0.952), 2 not and left out; 1 detections of nobody '
        'annotated'
    )
    np.testing.assert_array_equal(annotations['bbox_xywh'][:, :4], BOXES)
    assert 'detection_iou' not in annotations['misc']


def test_people_without_a_detection_are_kept(annotations, detector, tmp_path) -> None:
    found = replace_boxes(annotations, tmp_path, detector, unmatched='keep')
    new = found.annotations
    expected = np.array(BOXES, float)
    expected[0, 1] = 12
    np.testing.assert_allclose(new['bbox_xywh'][:, :4], expected)
    np.testing.assert_allclose(new['bbox_xywh'][:, 4], [0.8, 1, 0.9, 1])
    np.testing.assert_allclose(new['misc']['detection_iou'], [38 / 42, 0, 1, 0], rtol=1e-6)
    assert '2 not and kept with their annotated box' in str(found)


def test_threshold(annotations, detector, tmp_path) -> None:
    for threshold, people in ((0.9, 2), (0.91, 1), (1.0, 1)):
        assert (replace_boxes(annotations, tmp_path, detector, threshold).overlaps > 0).sum() == people


def test_margin_stays_that_of_the_file(annotations, detector, tmp_path) -> None:
    """Twice as large about the same center, before and after."""
    boxes = np.array(BOXES, float)
    annotations['bbox_xywh'] = np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, 2 * boxes[:, 2:]])
    new = replace_boxes(annotations, tmp_path, detector, box_margin=2).annotations
    np.testing.assert_allclose(new['bbox_xywh'][:, :4], [[0, -8, 40, 80], [50, -10, 40, 80]])


def test_one_detection_is_for_one_person(annotations, tmp_path) -> None:
    """Both rows overlap the only detection enough; the better one gets it."""
    annotations['bbox_xywh'] = np.column_stack(
        [[[10, 10, 20, 40], [5, 5, 30, 30], [10, 14, 20, 40], [30, 60, 9, 9]]]
    )
    found = replace_boxes(annotations, tmp_path, GivenPeople({'a.png': [[10, 13, 30, 53]], 'b.png': []}))
    np.testing.assert_allclose(found.overlaps, [0, 0, 39 / 41, 0])


def test_bad_input(annotations, detector, tmp_path) -> None:
    nobody = GivenPeople({'a.png': [], 'b.png': []})
    with pytest.raises(ValueError, match='none of its 4 people is detected .*--unmatched keep'):
        replace_boxes(annotations, tmp_path, nobody)
    assert len(replace_boxes(annotations, tmp_path, nobody, unmatched='keep').annotations['bbox_xywh']) == 4
    for options, message in (
        (dict(iou_thr=0), r'must lie in \(0, 1\], got 0'),
        (dict(unmatched='skip'), 'unmatched must be "drop" or "keep"'),
        (dict(box_margin=0), 'box_margin must be positive'),
    ):
        with pytest.raises(ValueError, match=message):
            replace_boxes(annotations, tmp_path, detector, **options)
    (tmp_path / 'b.png').unlink()
    with pytest.raises(BadInputError, match=r'b.png cannot be read .*--data-root'):
        replace_boxes(annotations, tmp_path, detector)
    annotations['image_path'] = ['../a.png', *PATHS[1:]]
    with pytest.raises(BadSampleError, match='leads out of data_root'):
        replace_boxes(annotations, tmp_path, detector)
