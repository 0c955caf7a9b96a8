"""A window that shows results while they come."""

import math
import subprocess
import sys
import time

import cv2
import numpy as np

from mmroi.apis.inference.frames import BadInputError, Frame

SIZE = 1280  # long side of the drawing, pixels
_TITLE = 'mmroi'
_KEYS = {ord('q'), 27}  # and Escape
_POLL = 50  # milliseconds, after which a closed window is noticed
_PROBE = f'import cv2; cv2.namedWindow({_TITLE!r}); cv2.destroyAllWindows()'


class Window:
    """Shows drawings: an image until a key is pressed, frames of a video as they come.

    The letter q, Escape or closing the window ends the run.

    Args:
        wait_time: Seconds until the next image; 0 waits for a key.

    Raises:
        BadInputError: There is no display, or OpenCV has no windows.
    """

    def __init__(self, wait_time: float = 0) -> None:
        # In a process of its own: without a display Qt ends the process that asks.
        probe = subprocess.run([sys.executable, '-c', _PROBE], capture_output=True, check=False)
        if probe.returncode:
            raise BadInputError(
                'show (--show) needs a display and an OpenCV with windows (opencv-python, not '
                'opencv-python-headless), and there is none; leave it out, and look at the files of out_dir '
                '(--out-dir), such as viewer.html'
            )
        self._wait_time, self._open = wait_time, False

    def show(self, image: np.ndarray, frame: Frame) -> bool:
        """Show a drawing.

        Args:
            image: (H, W, 3) BGR uint8.
            frame: The frame that was drawn on.

        Returns:
            Whether to go on.
        """
        if not self._open:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(_TITLE, *image.shape[1::-1])
            self._open = True
        cv2.imshow(_TITLE, image)
        cv2.setWindowTitle(_TITLE, frame.name)
        end = time.monotonic() + (self._wait_time or math.inf) if frame.video is None else 0.0
        while True:
            key = cv2.waitKey(_POLL if frame.video is None else 1)
            if key & 0xFF in _KEYS or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
                return False
            if key != -1 or time.monotonic() >= end:
                return True

    def close(self) -> None:
        """Close the window."""
        if self._open:
            cv2.destroyWindow(_TITLE)
            cv2.waitKey(1)  # lets it close
            self._open = False
