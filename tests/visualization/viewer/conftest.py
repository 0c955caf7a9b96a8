import os
import shutil

import numpy as np
import pytest

from mmroi.visualization.viewer import ViewerFrame

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
# WebGL on the processor; --no-sandbox because continuous integration runs as root
FLAGS = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']


@pytest.fixture(scope='session')
def browser():
    if os.environ.get('MMROI_NO_BROWSER') == '1':
        pytest.skip('MMROI_NO_BROWSER=1: the viewer is not opened')
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(
            'The viewer is tested in Chromium, which is not here: install it (Debian, Ubuntu: '
            'apt-get install chromium) or set MMROI_NO_BROWSER=1 to go without.'
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=180_000)
        yield browser
        browser.close()


@pytest.fixture(scope='session')
def make_frame(body):
    """make_frame(pelvises, **fields) -> frame with a standing person, with 5 RoIs, at each place."""
    standing, faces = body
    standing = standing - standing.mean(axis=0)

    def make(places, **fields):
        places = np.asarray(places, np.float64).reshape(-1, 3)
        people = len(places)
        defaults = dict(
            name='photo',
            image=np.full((360, 480, 3), 128, np.uint8),
            vertices=standing + places[:, None],
            faces=faces,
            colors=[(40, 40, 230), (40, 230, 40), (230, 40, 40)][:people],
            ids=range(1, people + 1),
            focal_length=500.0,
            principal_point=(215.0, 190.0),
            boxes=np.tile((10.0, -20.0, 200.0), (people, 5, 1)) * np.array([1, 0.9, 1.1, 1.2, 0.8])[:, None],
            camera_translation=places,
            full_cameras=np.repeat(places[:, None], 5, axis=1),
            parameters=[dict(betas=np.linspace(-1, 1, 10) * (i + 1)) for i in range(people)],
        )
        return ViewerFrame(**(defaults | fields))

    return make
