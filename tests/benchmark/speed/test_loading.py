import sys
import types

import cv2
import numpy as np
import pytest

from mmroi.benchmark.speed import loading, mmpose_pipeline
from mmroi.benchmark.speed.loading import FULL_SIZE, HALF_SIZE, PLAIN, LoadingBenchmark, View
from mmroi.structures import get_convention


def smooth_image():
    y, x = np.mgrid[:80, :120].astype(np.float32)
    return np.stack([x, y, 100 + 0.5 * x], axis=-1).round().astype(np.uint8)


@pytest.fixture
def view(tmp_path):
    """Two crops of a smooth image, the first at half and the second at a quarter of its resolution."""
    cv2.imwrite(str(tmp_path / 'a.jpg'), smooth_image(), (cv2.IMWRITE_JPEG_QUALITY, 100))
    matrices = np.array([[[0.5, 0, -3], [0, 0.5, -2]], [[0.25, 0, 1], [0, 0.25, 2]]])
    return View(str(tmp_path / 'a.jpg'), matrices, (16, 24))


def test_all_ways_cut_the_same_crops(view):
    crops = np.stack(loading.bare_crops(view)).astype(float)
    assert crops.shape == (2, 16, 24, 3)
    plain = loading.plain_pipeline(view).numpy().transpose(0, 2, 3, 1) * loading.STD + loading.MEAN
    np.testing.assert_allclose(plain[0, ..., ::-1], crops[0], atol=1)
    full, half = loading.full_size_crops(view), loading.half_size_crops(view)
    assert np.abs(full[0].astype(float) - crops[0]).max() <= 2
    assert np.abs(full[0].astype(float) - half[0]).mean() < 1


def test_people_who_need_no_full_frame(view):
    assert loading.needs_no_full_frame(view)
    assert not loading.needs_no_full_frame(view._replace(matrices=view.matrices * 1.01))


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match='absent.jpg does not exist'):
        loading.decode(str(tmp_path / 'absent.jpg'))


def test_rows_count_the_people_that_a_call_prepares():
    benchmark = LoadingBenchmark.__new__(LoadingBenchmark)
    benchmark.views, benchmark.small, benchmark.mmpose = ['a', 'b', 'c', 'd'], ['a'], 'not installed (mmpose)'
    decode, plain, full, half, absent = benchmark.summarize(
        {'decode': [[1.0]], PLAIN: [[4.0], [2.0], [6.0]], FULL_SIZE: [[0.5]], HALF_SIZE: [[0.25]]}
    )
    assert decode == dict(what='decode', people_per_second=4, ms_per_person=250, ratio=4)
    assert plain['ratio'] == 1 and plain['ms_per_person'] == 1000
    assert full['people_per_second'] == 2 and full['ratio'] is half['ratio'] is None
    assert absent['what'] == f'{loading.MMPOSE}: not installed (mmpose)' and set(absent.values()) == {
        absent['what'],
        None,
    }


def _recording_transforms(calls):
    """A module with the seven transforms of MMPose, each of which notes its name and its options."""

    def make(name):
        def build(**options):
            calls.append((name, options))
            return lambda results: {**results, 'passed': [*results.get('passed', []), name]}

        return build

    return types.SimpleNamespace(**{name: make(name) for name in MMPOSE_STEPS})


MMPOSE_STEPS = (
    'LoadImage',
    'GetBBoxCenterScale',
    'RandomFlip',
    'RandomBBoxTransform',
    'TopdownAffine',
    'GenerateTarget',
    'PackPoseInputs',
)


def test_mmpose_runs_its_own_steps_once_for_each_crop(view, monkeypatch):
    calls = []
    monkeypatch.setitem(sys.modules, 'mmpose', types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, 'mmpose.datasets', types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, 'mmpose.datasets.transforms', _recording_transforms(calls))
    pipeline = mmpose_pipeline.build_mmpose_pipeline((16, 24))
    assert [name for name, _ in calls] == list(MMPOSE_STEPS)
    options = dict(calls)
    assert options['TopdownAffine'] == dict(input_size=(24, 16))
    assert options['GenerateTarget']['encoder']['heatmap_size'] == (6, 4)
    benchmark = LoadingBenchmark.__new__(LoadingBenchmark)
    keypoints = np.random.default_rng(0).uniform(1, 50, (54, 3))
    person = dict(img_path='a.jpg', bbox_xywh=(10, 20, 30, 40), keypoints2d=keypoints)
    benchmark.people, benchmark.views, benchmark.small, benchmark.mmpose = [person], [view], [], pipeline
    made = benchmark.calls()[loading.MMPOSE]()
    assert len(made) == 2 and all(sample['passed'] == list(MMPOSE_STEPS) for sample in made)
    np.testing.assert_array_equal(made[1]['bbox'], [[10, 20, 40, 60]])
    nose, left_ankle = (get_convention('smpl_54').index(name) for name in ('nose', 'left_ankle'))
    np.testing.assert_allclose(made[0]['keypoints'][0, [0, 15]], keypoints[[nose, left_ankle], :2], rtol=1e-6)
    assert made[0]['flip_indices'][15] == 16 and made[0]['keypoints_visible'].shape == (1, 17)


def test_mmpose_that_is_absent_or_broken(monkeypatch):
    def fail(name):
        raise error

    monkeypatch.setattr(mmpose_pipeline.importlib, 'import_module', fail)
    error = ModuleNotFoundError(name='mmpose')
    assert mmpose_pipeline.build_mmpose_pipeline((16, 24)) == 'not installed (mmpose)'
    error = ValueError('numpy.dtype size\nchanged')
    assert mmpose_pipeline.build_mmpose_pipeline((16, 24)) == 'cannot be imported (numpy.dtype size changed)'
