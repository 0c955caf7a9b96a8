"""Images and videos from a server of this machine."""

import io
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from PIL import Image

from mmroi.apis.inference import BadInput, BadInputError, Frame, open_inputs


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """Folder and address of a server with a photo, a video and a page."""
    folder = tmp_path_factory.mktemp('site')
    cv2.imwrite(str(folder / 'a photo.png'), np.full((30, 40, 3), 7, np.uint8))
    (folder / 'page.jpg').write_text('<!DOCTYPE html><html>log in</html>')
    video = cv2.VideoWriter(str(folder / 'clip.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 10, (40, 30))
    for _ in range(3):
        video.write(np.zeros((30, 40, 3), np.uint8))
    video.release()
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_a_photo_and_a_video(site):
    url = f'{site}/a%20photo.png?size=full'
    (frame,) = open_inputs(url)
    assert (frame.name, frame.source, frame.image.shape) == ('a photo', url, (30, 40, 3)) and frame.image[
        0, 0, 0
    ] == 7
    frames = list(open_inputs(f'{site}/clip.avi'))
    assert [one.name for one in frames] == [f'clip_{i:06d}' for i in range(3)]
    assert frames[0].source == f'{site}/clip.avi' and frames[0].fps == 10 and not frames[0].has_sound


def test_what_cannot_be_read(site):
    with pytest.raises(
        BadInputError, match=r'absent.jpg cannot be downloaded \(HTTP Error 404.*; check the address'
    ):
        open_inputs(f'{site}/absent.jpg')
    (page,) = open_inputs(f'{site}/page.jpg')
    assert isinstance(page, BadInput) and 'is a web page (HTML), not the file' in page.reason
    absent, photo = open_inputs([f'{site}/absent.jpg', f'{site}/a%20photo.png'])
    assert isinstance(absent, BadInput) and isinstance(photo, Frame)  # one does not hinder the other


def test_images_of_pillow(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    one, other = open_inputs([Image.open(tmp_path / 'a.png'), Image.fromarray(pixels)])
    assert (one.name, one.source) == ('a', str(tmp_path / 'a.png')) and (other.name, other.source) == (
        'image',
    ) * 2
    for frame in (one, other):
        np.testing.assert_array_equal(frame.image, pixels[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'png', exif=exif)
    (turned,) = open_inputs(Image.open(file))
    np.testing.assert_array_equal(turned.image, np.rot90(pixels[..., ::-1], -1))
