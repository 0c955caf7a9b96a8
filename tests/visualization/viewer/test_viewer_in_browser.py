"""The page as a user has it: opened from a file in Chromium, looked at, clicked, touched and typed at."""

import cv2
import numpy as np
import pytest
import trimesh

from mmroi.visualization import render_meshes
from mmroi.visualization.mesh_files import linear_color
from mmroi.visualization.viewer import write_viewer

PLACES = [[-0.3, 0.1, 3.6], [0.0, 0.05, 4.4], [0.75, -0.1, 4.0]]  # the first hides a part of the second
VIEWPORT = dict(width=1040, height=620)
NAME = '<img src=x onerror=alert(1)> & "two"'


@pytest.fixture(scope='module')
def frame(make_frame):
    return make_frame(PLACES)


@pytest.fixture(scope='module')
def file(frame, make_frame, tmp_path_factory):
    path = tmp_path_factory.mktemp('viewer') / 'view.html'
    image = np.full((480, 360, 3), 60, np.uint8)
    second = make_frame([PLACES[1]], name=NAME, ids=[2], colors=[(40, 230, 40)], image=image)
    write_viewer(path, [frame, second, make_frame([], name='empty')])
    return path


@pytest.fixture(scope='module')
def opened(browser, open_page, file):
    page = open_page(browser, file, viewport=VIEWPORT, has_touch=True)
    yield page
    page.close()


@pytest.fixture
def page(opened):
    """The page on its first frame and person, meshes fully shown, without RoIs."""
    opened.select_option('#frame', index=0)
    opened.get_by_role('radio', name='Person 1').check(force=True)
    opened.get_by_role('radio', name='Fade').check(force=True)
    opened.fill('#slider', '100')
    opened.locator('#show-rois').uncheck()
    opened.click('[data-look=oblique]')
    return opened


def look(page, selector):
    """Screenshot of an element, BGR float32."""
    data = np.frombuffer(page.locator(selector).screenshot(), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32)


def changed(before, after):
    """Share of the pixels that differ."""
    return (np.abs(before - after).max(axis=2) > 12).mean()


def people_in(picture):
    """0 for the gray photograph, else 1 + the strongest channel: the people are blue, green and red."""
    spread = np.ptp(picture, axis=2)
    return np.where(spread > 24, 1 + picture.argmax(axis=2), 0)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_the_page_starts_with_all_meshes_in_sight(opened):
    """First: before the tests below touch anything."""
    assert set(np.unique(people_in(look(opened, '#stage')))) == {0, 1, 2, 3}
    assert set(np.unique(people_in(look(opened, '#space')))) == {0, 1, 2, 3}


def test_meshes_lie_on_the_photograph_where_the_z_buffer_draws_them(page, frame):
    check_against_the_z_buffer(page, frame)


def check_against_the_z_buffer(page, frame):
    seen = people_in(look(page, '#stage'))
    # the package's own picture, as large as the browser's, which need not begin at a whole pixel
    box = page.locator('#stage').bounding_box()
    scale = box['width'] / 480
    start = np.array((box['x'], box['y'])) % 1
    center = start + (np.array(frame.principal_point) + 0.5) * scale - 0.5
    expected = render_meshes(
        frame.vertices, frame.faces, frame.focal_length * scale, center, seen.shape, frame.colors
    )
    expected = people_in(expected.over(np.full((*seen.shape, 3), 128, np.uint8)).astype(np.float32))
    assert iou(seen > 0, expected > 0) > 0.98
    for person in (1, 2, 3):  # who hides whom
        assert iou(seen == person, expected == person) > 0.97
    # two pixels to the side would be noticed
    assert iou(np.roll(seen, 2, axis=1) > 0, expected > 0) < 0.9


def test_slider_fades_and_wipes(page):
    pictures = {}
    for mode in ('Fade', 'Wipe'):
        page.get_by_role('radio', name=mode).check(force=True)
        for value in (0, 50, 100):
            page.fill('#slider', str(value))
            pictures[mode, value] = look(page, '#stage')
    fade, wipe = ([pictures[mode, value] for value in (0, 50, 100)] for mode in ('Fade', 'Wipe'))
    assert people_in(fade[0]).max() == 0
    assert np.abs((fade[0] + fade[2]) / 2 - fade[1]).max() < 3
    middle = fade[0].shape[1] // 2
    left, right = slice(None, middle - 40), slice(middle + 40, -40)  # beside the divider
    assert changed(wipe[1][:, left], fade[2][:, left]) == 0 == changed(wipe[1][:, right], fade[0][:, right])
    assert changed(wipe[1][:, right], fade[2][:, right]) > 0.01


def test_divider_is_dragged_and_slider_typed(page):
    page.get_by_role('radio', name='Wipe').check(force=True)
    page.fill('#slider', '50')
    box = page.locator('#stage').bounding_box()
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + 30)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width'] * 0.8, box['y'] + 60, steps=3)
    page.mouse.up()
    assert 78 <= int(page.input_value('#slider')) <= 82
    page.fill('#slider', '80')
    before = look(page, '#stage')
    page.focus('#slider')
    page.keyboard.press('PageDown')
    assert int(page.input_value('#slider')) < 80
    assert changed(before, look(page, '#stage')) > 0.001


def test_space_shows_meshes_and_turns(page):
    first = look(page, '#space')
    assert changed(np.broadcast_to(first[4, 4], first.shape), first) > 0.03
    assert set(np.unique(people_in(first))) == {0, 1, 2, 3}
    pictures = [first]
    box = page.locator('#space').bounding_box()
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width'] / 2 + 90, box['y'] + box['height'] / 2 + 20, steps=3)
    page.mouse.up()
    pictures.append(look(page, '#space'))
    page.focus('#space')
    for key in ('ArrowLeft', 'ArrowUp', '+', '-'):
        page.keyboard.press(key)
        pictures.append(look(page, '#space'))
    for name in ('front', 'side', 'top', 'cameras'):
        page.click(f'[data-look={name}]')
        pictures.append(look(page, '#space'))
    for before, after in zip(pictures, pictures[1:], strict=False):
        assert changed(before, after) > 0.01


def test_space_shows_cameras_and_photo(page):
    both = look(page, '#space')
    page.locator('#show-cameras').uncheck()
    without_cameras = look(page, '#space')
    page.locator('#show-photo').uncheck()
    without_both = look(page, '#space')
    assert changed(both, without_cameras) > 0.002
    assert changed(without_cameras, without_both) > 0.02
    page.locator('#show-cameras').check()
    page.locator('#show-photo').check()


def test_selecting_a_person_changes_table_and_rois(page):
    page.locator('#show-rois').check()
    table, photo = page.inner_text('#figures'), look(page, '#stage')
    assert 'betas' in table and '500.0 px' in table
    page.locator('#people').get_by_text('Person 3').tap()
    assert page.inner_text('#figures-title') == 'Person 3'
    assert '4.000' in page.inner_text('#figures') != table
    assert changed(photo, look(page, '#stage')) > 0.005
    page.get_by_role('radio', name='Person 3').focus()
    page.keyboard.press('ArrowLeft')
    assert page.inner_text('#figures-title') == 'Person 2'
    x, y = frame_point(page, PLACES[0])
    page.mouse.click(x, y)
    assert page.inner_text('#figures-title') == 'Person 1'


def frame_point(page, point):
    """Where a point in space lies in the window."""
    box = page.locator('#stage').bounding_box()
    x, y = (500 * np.array(point[:2]) / point[2] + (215.5, 190.5)) * box['width'] / 480
    return box['x'] + x, box['y'] + y


def test_frames_keep_the_person_and_show_names_as_they_are(page):
    page.get_by_role('radio', name='Person 2').check(force=True)
    page.click('#next')
    assert page.inner_text('#count') == '2 / 3'
    assert page.inner_text('#figures-title') == 'Person 2'
    assert NAME in page.inner_text('#figures') and page.title().startswith(NAME)
    assert page.locator('img').count() == 1
    box = page.locator('#stage').bounding_box()
    assert abs(box['width'] / box['height'] - 360 / 480) < 0.01
    assert people_in(look(page, '#stage')).max() == 2
    page.click('#next')
    assert page.inner_text('#figures-title') == 'No person found'
    assert people_in(look(page, '#stage')).max() == 0 and page.is_disabled('#next')


def test_small_screens_need_no_sideways_scrolling(page):
    page.set_viewport_size(dict(width=360, height=640))
    assert page.evaluate('document.documentElement.scrollWidth') <= 360
    assert page.locator('#stage').bounding_box()['width'] > 300
    page.set_viewport_size(VIEWPORT)


def test_views_follow_the_size_of_the_window(page):
    """Smaller, too, in both directions."""
    sizes = []
    for width, height in ((1400, 1000), (1000, 700), (700, 500)):
        page.set_viewport_size(dict(width=width, height=height))
        page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
        canvas, view = (page.locator(s).bounding_box() for s in ('#space', '.view:has(#space)'))
        assert canvas == view
        sizes.append(view['height'])
    page.set_viewport_size(VIEWPORT)
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1] + 100


def test_arrow_keys_and_play_change_the_image(page):
    page.evaluate('document.activeElement.blur()')
    for key, count in (('ArrowRight', '2 / 3'), ('ArrowLeft', '1 / 3'), ('ArrowLeft', '1 / 3')):
        page.keyboard.press(key)
        assert page.inner_text('#count') == count
    page.keyboard.press('ArrowRight')
    page.focus('#slider')
    page.keyboard.press('ArrowLeft')  # which is the slider's
    assert (page.inner_text('#count'), page.input_value('#slider')) == ('2 / 3', '99')
    page.focus('#show-rois')
    page.keyboard.press('ArrowLeft')  # which a checkbox does not use
    assert page.inner_text('#count') == '1 / 3'
    page.evaluate('document.activeElement.blur()')
    page.keyboard.press(' ')
    page.wait_for_selector('#play-frames[aria-label="Pause images"]')
    page.wait_for_selector('#play-frames[aria-label="Play images"]')  # at the last image
    assert page.inner_text('#count') == '3 / 3'


def download(page, suffix, folder):
    with page.expect_download() as download:
        page.click(f'#save-{suffix}')
    assert download.value.suggested_filename == f'photo.{suffix}'
    download.value.save_as(folder / f'photo.{suffix}')
    return folder / f'photo.{suffix}'


def test_meshes_are_downloaded_as_glb(page, frame, tmp_path):
    meshes = trimesh.load_scene(download(page, 'glb', tmp_path), process=False).geometry
    assert list(meshes) == [f'person_{i}' for i in frame.ids]
    for mesh, vertices, color in zip(meshes.values(), frame.vertices, frame.colors, strict=True):
        np.testing.assert_allclose(mesh.vertices, vertices * np.array([1, -1, -1]), atol=2e-5)
        np.testing.assert_array_equal(mesh.faces, frame.faces)
        found = mesh.visual.material.baseColorFactor[:3]
        np.testing.assert_allclose(found, 255 * linear_color(np.array(color[::-1])), atol=1)


def test_meshes_are_downloaded_as_obj(page, frame, tmp_path):
    lines = [line.split() for line in download(page, 'obj', tmp_path).read_text().splitlines()]
    assert [line[1] for line in lines if line[0] == 'o'] == [f'person_{i}' for i in frame.ids]
    points, faces = ([line[1:] for line in lines if line[0] == kind] for kind in 'vf')
    expected = (frame.vertices * np.array([1, -1, -1])).reshape(-1, 3)
    np.testing.assert_allclose(np.array(points, float), expected, atol=2e-5)
    offsets = np.arange(len(frame.vertices)) * frame.vertices.shape[1] + 1  # of the first vertices, from 1
    np.testing.assert_array_equal(np.array(faces, int), np.concatenate([frame.faces + o for o in offsets]))


def test_without_webgl_the_page_draws_by_itself(launch_chromium, open_page, file, frame):
    browser = launch_chromium('--disable-gpu', '--disable-3d-apis')
    page = open_page(browser, file, viewport=VIEWPORT)
    assert page.evaluate('document.createElement("canvas").getContext("webgl2")') is None
    assert 'no WebGL' in page.inner_text('#notice')
    assert set(np.unique(people_in(look(page, '#stage')))) == {0, 1, 2, 3}
    page.fill('#slider', '100')
    page.locator('#show-rois').uncheck()
    check_against_the_z_buffer(page, frame)
    before = look(page, '#space')
    assert set(np.unique(people_in(before))) == {0, 1, 2, 3}
    page.click('[data-look=top]')
    assert changed(before, look(page, '#space')) > 0.01
    assert [line for line in page.heard if not line.startswith('data:')] == [file.as_uri()]
    browser.close()


def test_nothing_was_said_or_asked_for(opened, file):
    """Last: after all that the tests above did."""
    heard = [line for line in opened.heard if not line.startswith(('data:', 'blob:'))]
    assert heard == [file.as_uri()]
