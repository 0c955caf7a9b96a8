import cv2
import numpy as np
import pytest

from mmroi.benchmark.speed import loading
from mmroi.benchmark.speed.loading import FULL_SIZE, HALF_SIZE, PLAIN, LoadingBenchmark, View


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
    benchmark.views, benchmark.small = ['a', 'b', 'c', 'd'], ['a']
    decode, plain, full, half = benchmark.summarize(
        {'decode': [[1.0]], PLAIN: [[4.0], [2.0], [6.0]], FULL_SIZE: [[0.5]], HALF_SIZE: [[0.25]]}
    )
    assert decode == dict(what='decode', people_per_second=4, ms_per_person=250, ratio=4)
    assert plain['ratio'] == 1 and plain['ms_per_person'] == 1000
    assert full['people_per_second'] == 2 and full['ratio'] is half['ratio'] is None
