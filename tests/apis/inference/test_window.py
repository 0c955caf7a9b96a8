"""The window of --show, on a display that is played."""

import numpy as np
import pytest

from mmroi.apis.inference import window
from mmroi.apis.inference.frames import Frame

IMAGE = np.zeros((4, 6, 3), np.uint8)


class Display:
    """OpenCV's windows; keys that are pressed one after the other, -1 for none."""

    def __init__(self, keys=(), closed_after=100):
        self.keys, self.closed_after, self.waits, self.shown = [*keys], closed_after, [], []
        self.is_open = False

    def waitKey(self, wait):  # noqa: N802
        self.waits.append(wait)
        return self.keys.pop(0) if self.keys else -1

    def getWindowProperty(self, *_):  # noqa: N802
        return 0.0 if len(self.waits) >= self.closed_after else 1.0

    def namedWindow(self, *_):  # noqa: N802
        self.is_open = True

    def destroyWindow(self, *_):  # noqa: N802
        self.is_open = False

    def imshow(self, _, image):
        self.shown.append(image)

    def resizeWindow(self, _, width, height):  # noqa: N802
        self.size = width, height

    def setWindowTitle(self, _, title):  # noqa: N802
        self.title = title


@pytest.fixture
def show(monkeypatch):
    """show(display, frame, wait_time) returns whether the run goes on."""

    def show(display, frame, wait_time=0.0):
        for name in (name for name in dir(display) if name[0] != '_' and callable(getattr(display, name))):
            monkeypatch.setattr(window.cv2, name, getattr(display, name))
        monkeypatch.setattr(window, '_PROBE', 'pass')
        shown = window.Window(wait_time)
        goes_on = shown.show(IMAGE, frame)
        assert display.is_open and display.size == (6, 4) and display.shown == [IMAGE]
        shown.close()
        assert not display.is_open
        return goes_on

    return show


def photo():
    return Frame(IMAGE, 'photo', 'photo.jpg')


def test_a_photo_stays_until_a_key(show):
    display = Display([-1, -1, ord('a')])
    assert show(display, photo()) and len(display.waits) == 4  # the last one closes the window
    assert display.title == 'photo'


@pytest.mark.parametrize('key', [ord('q'), 27])
def test_q_and_escape_end_the_run(show, key):
    assert not show(Display([-1, key]), photo())


def test_closing_the_window_ends_the_run(show):
    assert not show(Display(closed_after=3), photo())


def test_after_the_wait_the_next_photo_comes(show, monkeypatch):
    clock = iter([0.0, 1.0, 2.0, 3.1])
    monkeypatch.setattr(window.time, 'monotonic', lambda: next(clock))
    assert show(Display(), photo(), wait_time=3.0)


def test_frames_of_a_video_do_not_wait(show):
    display = Display()
    assert show(display, Frame(IMAGE, 'clip_000001', 'clip.mp4', video='clip'))
    assert display.waits == [1, 1]  # a millisecond each; the second closes the window
