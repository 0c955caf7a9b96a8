"""Colors of uncertainty: in both views, with a legend, and only where there is something to show."""

import cv2
import numpy as np
import pytest

from mmroi.visualization.viewer import write_viewer

BLUE, RED = (182, 123, 44), (28, 25, 215)  # BGR of the ends of the scale


@pytest.fixture(scope='module')
def page(browser, open_page, make_frame, body, tmp_path_factory):
    path = tmp_path_factory.mktemp('viewer') / 'view.html'
    vertices = len(body[0])
    std = np.stack([np.zeros(vertices), np.full(vertices, 0.4)])  # meters: sure, and beyond the scale
    frames = [make_frame([[-0.6, 0, 4], [0.6, 0, 4]], std=std), make_frame([[0, 0, 4]], name='without')]
    write_viewer(path, frames)
    page = open_page(browser, path, viewport=dict(width=1040, height=620))
    page.get_by_role('radio', name='Fade').check(force=True)
    page.fill('#slider', '100')
    page.locator('#show-rois').uncheck()
    page.locator('#show-photo').uncheck()
    page.click('[data-look=front]')
    yield page
    page.close()


def hues(page, selector):
    """Median hue (degrees) of the colorful pixels in each half of a view."""
    data = np.frombuffer(page.locator(selector).screenshot(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(float)
    halves = np.array_split(hsv, 2, axis=1)
    return [2 * np.median(half[half[..., 1] > 70][:, 0]) for half in halves]


def hue(color):
    return 2.0 * cv2.cvtColor(np.uint8([[color]]), cv2.COLOR_BGR2HSV)[0, 0, 0]


def distance(a, b):
    return abs((a - b + 180) % 360 - 180)


@pytest.mark.parametrize('view', ['#stage', '#space'])
def test_sure_bodies_are_blue_and_unsure_ones_red(page, view):
    page.select_option('#frame', index=0)
    own = hues(page, view)
    page.locator('#show-uncertainty').check()
    sure, unsure = hues(page, view)
    assert distance(sure, hue(BLUE)) < 12 and distance(unsure, hue(RED)) < 12
    page.locator('#show-uncertainty').uncheck()
    assert hues(page, view) == own  # their own colors again
    assert not [line for line in page.heard if not line.startswith(('data:', 'file:'))]


def test_the_legend_is_there_where_the_network_says_how_sure_it_is(page):
    page.select_option('#frame', index=0)
    assert page.locator('#uncertainty').is_visible()
    assert page.locator('#std-limit').inner_text() == '150 mm'
    page.select_option('#frame', index=1)
    assert page.locator('#uncertainty').is_hidden()
    page.select_option('#frame', index=0)
    assert page.locator('#uncertainty').is_visible()
