"""People who are few pixels high."""

import cv2
import numpy as np
import pytest

from mmroi.datasets import LowerResolution

STRIPES = np.zeros((120, 160, 3), np.uint8)
STRIPES[:, ::2] = 200


def sample(height, image=STRIPES):
    return dict(img=image.copy(), box=np.array([3.0, 4.0, height]))


def test_detail_below_the_pixels_of_the_person_is_gone():
    # 60 pixels of the box become 15: four columns, two of them white, have a mean of 100
    out = LowerResolution(15)(sample(60.0))
    assert out['img'].shape == STRIPES.shape and out['img'].dtype == np.uint8
    assert (out['img'] == 100).all()
    assert out['box'].tolist() == [3, 4, 60]


def test_coarse_structure_stays_where_it_is():
    halves = np.zeros((120, 160, 3), np.uint8)
    halves[:, 80:] = 200
    out = LowerResolution(20)(sample(80.0, halves))['img']
    assert (out[:, :77] == 0).all() and (out[:, 83:] == 200).all()
    assert abs(int(out[:, 79].max()) + int(out[:, 80].max()) - 200) <= 1  # symmetric about the edge


def test_images_with_less_detail_stay():
    assert (LowerResolution(60)(sample(60.0))['img'] == STRIPES).all()
    assert (LowerResolution(200)(sample(60.0))['img'] == STRIPES).all()


def test_people_beyond_a_pixel_do_not_fail():
    assert LowerResolution(1)(sample(1e4))['img'].shape == STRIPES.shape


def test_frames_that_are_not_decoded_yet():
    from mmroi.datasets.image_checks import JPEGFrame

    content = cv2.imencode('.jpg', STRIPES)[1].tobytes()
    frame = JPEGFrame.open(content, 'a.jpg')
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    out = LowerResolution(15)(dict(img=frame, box=np.array([0, 0, 60.0])))['img']
    assert (out == LowerResolution(15)(sample(60.0, decoded))['img']).all()


@pytest.mark.parametrize('height', [0, -1, float('nan'), float('inf')])
def test_heights_are_positive(height):
    with pytest.raises(ValueError, match='height must be positive'):
        LowerResolution(height)


def test_the_box_must_be_known():
    with pytest.raises(KeyError, match='behind GetPersonBox'):
        LowerResolution(64)(dict(img=STRIPES))
