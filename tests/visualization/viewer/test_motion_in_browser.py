"""People of a video in motion, as a user sees them in Chromium."""

from time import monotonic

import cv2
import numpy as np
import pytest

from mmroi.visualization.animation import Rig, Track, encode_glb
from mmroi.visualization.viewer import ViewerClip, ViewerSequence, write_viewer

from ..animation.conftest import Gltf
from .conftest import PATIENCE

NAME = '</script><img src=x onerror=alert(1)> 舞'
DRAWN = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'
RED, GREEN = (30, 30, 230), (30, 230, 30)


@pytest.fixture(scope='module')
def clips(smpl):
    """Person 1 from 0 to 1 s, who raises an arm and walks sideways; person 2 from 0.5 to 0.8 s."""
    pose = np.zeros((24, 3))
    pose[0] = np.pi, 0, 0
    made = []
    for person, times, color in ((1, np.arange(11) / 10, RED), (2, np.arange(5, 9) / 10, GREEN)):
        track = Track()
        for time in times:
            pose[16, 2] = -1.2 + 2 * time
            place = np.array([0.9 * time * (3 - 2 * person), 0, 4])
            # sure in the beginning, in the end beyond the scale
            track.add(time, pose, np.zeros(10), place, np.full(24, 0.0 if time < 0.45 else 0.4))
        (clip,) = track.clips(smpl, f'person_{person}', 10)
        glb = encode_glb(clip, Rig.from_body(smpl, clip.betas), person)
        made.append(ViewerClip(person, color, clip.times[0], clip.times[-1], glb, clip.joints_std))
    return made


@pytest.fixture(scope='module')
def page(browser, open_page, clips, make_frame, body, tmp_path_factory):
    path = tmp_path_factory.mktemp('viewer') / 'view.html'
    sequences = [ViewerSequence(NAME, 10, clips), ViewerSequence('second', 25, clips[1:])]
    std = np.zeros((1, len(body[0])))
    frames = [
        make_frame([0, 0, 4], name='photo', std=std),
        *(make_frame([0, 0, 4], name=f'at {t}', video=NAME, time=t, std=std) for t in (0.0, 0.4, 1.0)),
        make_frame([0, 0, 4], name='other', video='second', time=0.6, std=std),
    ]
    write_viewer(path, frames, sequences=sequences)
    page = open_page(browser, path, viewport=dict(width=900, height=620))
    page.wait_for_selector('#motion-card:not([hidden])')
    wait(page, 'viewer.motion.clips?.length === 2')
    yield page
    page.close()


def wait(page, condition):
    """The page's policy forbids the waiting of Playwright, which compiles text."""
    end = monotonic() + PATIENCE / 1000
    while not page.evaluate(condition):
        assert monotonic() < end, condition
        page.wait_for_timeout(20)


def go(page, time):
    page.evaluate(
        """(time) => {
          const slider = document.getElementById('time');
          slider.value = time;
          slider.dispatchEvent(new Event('input'));
        }""",
        time,
    )
    page.evaluate(DRAWN)


def look(page):
    data = np.frombuffer(page.locator('#motion').screenshot(), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32)


def colored(picture, channel):
    """Pixels in which a channel is the strongest by far."""
    others = np.delete(picture, channel, axis=2).max(axis=2)
    return picture[..., channel] - others > 40


@pytest.mark.parametrize('time', [0, 0.3, 0.65, 1])
def test_the_browser_poses_as_the_specification_of_gltf(page, clips, time):
    page.evaluate('(time) => viewer.motion.show(time)', time)
    page.evaluate(DRAWN)
    vertices = list(range(0, 6890, 61))
    found = page.evaluate(
        """(vertices) => vertices.map((vertex) => {
          const {body} = viewer.motion.clips[0];
          return body.localToWorld(body.getVertexPosition(vertex, new THREE.Vector3())).toArray();
        })""",
        vertices,
    )
    np.testing.assert_allclose(found, Gltf(clips[0].glb).pose(time)[0][vertices], atol=1e-4)


def test_people_are_there_while_they_were_seen(page):
    shown = {}
    for time in (0, 0.4, 0.6, 0.8, 1):
        go(page, time)
        picture = look(page)
        shown[time] = colored(picture, 2).sum() > 300, colored(picture, 1).sum() > 300
    assert shown == {0: (1, 0), 0.4: (1, 0), 0.6: (1, 1), 0.8: (1, 1), 1: (1, 0)}


def test_the_slider_moves_them_and_the_clock(page):
    places = []
    for time in (0, 0.5, 1):
        go(page, time)
        places.append(np.argwhere(colored(look(page), 2))[:, 1].mean())
        assert page.inner_text('#clock') == f'{time:.2f} / 1.00 s'
    assert places[0] + 20 < places[1] < places[2] - 20


def test_play_pause_and_speed(page):
    go(page, 0)
    page.select_option('#speed', '0.25')
    # Inside of the page, because a busy machine takes its time between two calls
    labels = page.evaluate(
        """async () => {
          const button = document.getElementById('play');
          button.click();
          const labels = [button.ariaLabel];
          while (viewer.motion.time < 0.02) await new Promise(requestAnimationFrame);
          button.click();
          return [...labels, button.ariaLabel];
        }"""
    )
    assert labels == ['Pause', 'Play']
    stopped = page.evaluate('viewer.motion.time')
    page.evaluate(DRAWN)
    assert 0.02 <= page.evaluate('viewer.motion.time') == stopped < 0.1
    page.select_option('#speed', '1')
    page.get_by_role('button', name='Play', exact=True).click()
    wait(page, '!viewer.player.playing')
    assert page.evaluate('viewer.motion.time') == pytest.approx(1)
    assert page.get_by_role('button', name='Play', exact=True).count() == 1


def test_the_button_of_the_images_and_the_space_bar_play_the_people_of_their_video(page):
    page.select_option('#frame', index=1)
    # Inside of the page, because a busy machine takes its time between two calls
    labels, moved = page.evaluate(
        """async () => {
          const buttons = [document.getElementById('play-frames'), document.getElementById('play')];
          const read = () => buttons.map(({ariaLabel}) => ariaLabel);
          document.body.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true}));
          const labels = [read()];
          while (viewer.motion.time === 0) await new Promise(requestAnimationFrame);
          buttons[0].click();
          return [[...labels, read()], viewer.motion.time];
        }"""
    )
    assert labels == [['Pause images', 'Pause'], ['Play images', 'Play']] and 0 < moved < 1


def test_moving_people_are_colored_by_their_uncertainty_now(page):
    """Sure before 0.45 s: blue; then beyond the scale: red, for the green person, too."""
    page.locator('#show-uncertainty').check()
    shares = {}
    for time in (0.3, 0.7):
        go(page, time)
        picture = look(page)
        shares[time] = [int(colored(picture, channel).sum()) for channel in (0, 1, 2)]
    page.locator('#show-uncertainty').uncheck()
    assert shares[0.3][0] > 300 and max(shares[0.3][1:]) < 20
    assert shares[0.7][2] > 300 and max(shares[0.7][:2]) < 20


def test_it_is_turned_by_keys_and_stays_inside_its_card(page):
    go(page, 0.6)
    before = look(page)
    page.focus('#motion')
    page.keyboard.press('ArrowLeft')
    page.wait_for_timeout(100)
    assert (np.abs(look(page) - before).max(axis=2) > 12).mean() > 0.01
    canvas, view = (page.locator(s).bounding_box() for s in ('#motion', '#motion-card .view'))
    assert canvas == view


def shown(page):
    return page.evaluate('[viewer.frame.name, viewer.motion.number, viewer.motion.time]')


def test_the_image_nearest_in_time_follows(page):
    for time, name in ((0, 'at 0.0'), (0.3, 'at 0.4'), (0.6, 'at 0.4'), (0.8, 'at 1.0')):
        go(page, time)
        assert shown(page) == [name, 0, pytest.approx(time)]


def test_people_follow_the_image(page):
    for index, time in ((2, 0.4), (3, 1.0), (1, 0.0)):
        page.select_option('#frame', index=index)
        assert shown(page) == [f'at {time}', 0, time]
    page.select_option('#frame', index=4)
    assert shown(page) == ['other', 1, 0.6] and page.evaluate('viewer.motion.clips.length') == 1
    page.select_option('#frame', index=0)
    assert shown(page) == ['photo', 1, 0.6]  # of no video
    page.click('#play')
    page.select_option('#frame', index=1)
    assert shown(page) == ['at 0.0', 0, 0]
    assert page.get_by_role('button', name='Play', exact=True).count() == 1


def test_another_video(page):
    assert page.locator('#sequence option').all_inner_texts() == [NAME, 'second']
    page.select_option('#sequence', index=1)
    wait(page, 'viewer.motion.clips.length === 1')
    assert page.inner_text('#clock') == '0.50 / 0.80 s'
    page.select_option('#sequence', index=0)
    wait(page, 'viewer.motion.clips.length === 2')


def test_nothing_was_said(page):
    """Last: after all that the tests above did."""
    assert not [line for line in page.heard if not line.startswith(('data:', 'file:'))]
    assert page.locator('img').count() == 1
