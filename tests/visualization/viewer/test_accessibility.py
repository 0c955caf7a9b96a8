"""Rules of WCAG that axe-core checks by itself, in all states of the page."""

import shutil
import subprocess

import numpy as np
import pytest

from mmroi.visualization.animation import Rig, Track, encode_glb
from mmroi.visualization.viewer import ViewerClip, ViewerSequence, write_viewer


@pytest.fixture(scope='module')
def axe():
    """The source of axe-core."""
    node = shutil.which('node')
    command = [node or '', '-p', 'require.resolve("axe-core/axe.min.js")']
    done = subprocess.run(command, capture_output=True, text=True) if node else None
    if done is None or done.returncode:
        pytest.skip('needs axe-core: npm install axe-core, NODE_PATH=node_modules')
    with open(done.stdout.strip(), encoding='utf-8') as file:
        return file.read()


@pytest.fixture(scope='module')
def file(smpl, make_frame, body, tmp_path_factory):
    """Everything at once: several images and people, uncertainty, a video."""
    track = Track()
    for time in (0.0, 0.5):
        track.add(time, np.zeros((24, 3)), np.zeros(10), np.array([0, 0, 4.0]), np.full(24, 0.1))
    (clip,) = track.clips(smpl, 'person', 2)
    glb = encode_glb(clip, Rig.from_body(smpl, clip.betas))
    sequence = ViewerSequence('v', 2, [ViewerClip(1, (30, 30, 230), 0.0, 0.5, glb, clip.joints_std)])
    path = tmp_path_factory.mktemp('viewer') / 'view.html'
    parameters = [dict(bbox=[1, 2, 3, 4], betas=np.ones(10), body_pose=np.ones((5, 3)))] * 2
    places = [[-0.4, 0, 4], [0.4, 0, 4]]
    frames = [
        make_frame(
            places, name=f'{t}', video='v', time=t, std=np.zeros((2, len(body[0]))), parameters=parameters
        )
        for t in (0.0, 0.5)
    ]
    write_viewer(path, frames, sequences=[sequence])
    return path


def test_axe_finds_nothing(browser, open_page, axe, file):
    """In light and dark colors, on a desk and on a phone, while something plays."""
    page = open_page(browser, file, viewport=dict(width=1280, height=740))
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    page.evaluate(axe)
    violations = page.evaluate('axe.run()')['violations']
    page.emulate_media(color_scheme='dark')
    page.get_by_role('radio', name='Wipe').check(force=True)
    violations += page.evaluate('axe.run({runOnly: ["color-contrast"]})')['violations']
    page.set_viewport_size(dict(width=360, height=740))
    rules = ['color-contrast', 'scrollable-region-focusable', 'target-size', 'page-has-heading-one', 'region']
    violations += page.evaluate('(rules) => axe.run({runOnly: rules})', rules)['violations']
    page.close()
    assert [(rule['id'], [node['html'] for node in rule['nodes']]) for rule in violations] == []


def test_everything_is_reached_by_keys_with_a_visible_focus(browser, open_page, file):
    page = open_page(browser, file, viewport=dict(width=1280, height=740))
    reached = []
    for _ in range(60):
        page.keyboard.press('Tab')
        focus = page.evaluate(
            """() => {
              const {activeElement: now} = document;
              const drawn = (e) => e && getComputedStyle(e).outlineStyle === 'solid';
              const ring = [now, now.nextElementSibling].some(drawn);
              return [now.id || now.name || now.textContent.trim(), ring];
            }"""
        )
        if focus[0] in [name for name, _ in reached]:
            break
        reached.append(focus)
    names = [name for name, _ in reached]
    wanted = ['next', 'frame', 'play-frames', 'show-uncertainty', 'person', 'slider', 'mode', 'show-rois']
    wanted += ['save-glb', 'save-obj', 'space', 'Oblique', 'show-cameras', 'motion', 'play', 'time', 'speed']
    assert set(wanted) <= set(names)
    assert [name for name, ring in reached if not ring and name in wanted] == []
    page.close()
