import numpy as np
import pytest

from mmroi.visualization.viewer import ViewerFrame

PATIENCE = 180_000  # milliseconds, for machines that are busy


@pytest.fixture(scope='session')
def open_page():
    """``open_page(browser, file, **options)``; ``page.heard`` has messages, errors and requests."""

    def open_it(browser, file, **options):
        page = browser.new_page(**options)
        page.set_default_timeout(PATIENCE)
        page.heard = []
        page.on('console', lambda message: page.heard.append(f'{message.type}: {message.text}'))
        page.on('pageerror', lambda error: page.heard.append(f'error: {error}'))
        page.on('dialog', lambda dialog: (page.heard.append(f'dialog: {dialog.message}'), dialog.dismiss()))
        page.on('request', lambda request: page.heard.append(request.url))
        page.goto(file.as_uri())
        return page

    return open_it


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
