import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import mmroi.visualization.viewer as viewer
from mmroi.visualization.viewer import ViewerClip, ViewerSequence, write_viewer

WEB = Path(viewer.__file__).parent / 'web'


class Page(HTMLParser):
    """Tags and the JSON of the data elements, by the rules of HTML."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.data = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        attributes = self.tags[-1][1] if self.tags else {}
        if attributes.get('type') == 'application/json' and text.strip():
            self.data.append((attributes['class'], json.loads(text)))


def test_faces_that_frames_share_are_stored_once(make_frame, body, tmp_path):
    path = tmp_path / 'view.html'
    all_faces = body[1], body[1].copy(), body[1][:9]
    write_viewer(path, (make_frame([0, 0, 4], faces=faces) for faces in all_faces))
    data = Page(path.read_text(encoding='utf-8')).data
    assert [kind for kind, _ in data] == ['faces', 'frame', 'frame', 'faces', 'frame']
    assert [value['topology'] for kind, value in data if kind == 'frame'] == [0, 0, 1]


def test_three_people_are_small(make_frame, tmp_path):
    sizes = []
    for people in (0, 3):
        write_viewer(tmp_path / 'view.html', [make_frame(np.full((people, 3), 4.0))])
        sizes.append((tmp_path / 'view.html').stat().st_size)
    assert sizes[0] < 800_000  # the library
    assert sizes[1] - sizes[0] < 180_000  # 55 KB of vertices for each


def test_sequences_are_data_of_the_page(make_frame, tmp_path):
    path, name = tmp_path / 'view.html', '</script> 舞'
    clip = ViewerClip(3, (0, 128, 255), 0.5, 1.5, b'glTF\0\xff')
    write_viewer(path, [make_frame([0, 0, 4])], sequences=[ViewerSequence(name, 25, [clip, clip])])
    page = Page(path.read_text(encoding='utf-8'))
    (sequence,) = (value for kind, value in page.data if kind == 'sequence')
    assert (sequence['name'], sequence['fps'], len(sequence['clips'])) == (name, 25, 2)
    glb = base64.b64encode(clip.glb).decode()
    assert sequence['clips'][0] == dict(id=3, color='#ff8000', start=0.5, end=1.5, glb=glb, std=None)
    with pytest.raises(ValueError, match=r'person 3: joints_std must be \(T, J\) and finite, not \(24,\)'):
        ViewerClip(3, (0, 128, 255), 0.5, 1.5, b'', np.zeros(24))
    with pytest.raises(ValueError, match='sequence .a. has no clip'):
        ViewerSequence('a', 25, [])
    with pytest.raises(ValueError, match='fps must be positive, not 0'):
        ViewerSequence('a', 0, [clip])


def test_nothing_is_loaded_from_elsewhere(make_frame, tmp_path):
    write_viewer(tmp_path / 'view.html', [make_frame([0, 0, 4])])
    page = Page((tmp_path / 'view.html').read_text(encoding='utf-8'))
    assert [tag for tag, attributes in page.tags if {'src', 'href'} & attributes.keys()] == []
    policy = next(a['content'] for tag, a in page.tags if a.get('http-equiv') == 'Content-Security-Policy')
    assert "default-src 'none'" in policy


def test_names_stay_names(make_frame, tmp_path):
    name = '"><img src=x onerror=alert(1)></script><!-- data -->'
    write_viewer(tmp_path / 'view.html', [make_frame([0, 0, 4], name=name, parameters=[{name: name}])])
    page = Page((tmp_path / 'view.html').read_text(encoding='utf-8'))
    frame = next(value for kind, value in page.data if kind == 'frame')
    assert frame['name'] == name and frame['people'][0]['parameters'] == {name: name}
    assert [a['data-name'] for tag, a in page.tags if 'data-name' in a] == [name]
    assert sum(tag == 'img' for tag, _ in page.tags) == 1


def test_a_page_that_fails_leaves_nothing(make_frame, tmp_path):
    path = tmp_path / 'view.html'

    def frames():
        yield make_frame([0, 0, 4])
        raise RuntimeError('camera unplugged')

    with pytest.raises(RuntimeError, match='unplugged'):
        write_viewer(path, frames())
    with pytest.raises(ValueError, match='no frame'):
        write_viewer(path, [])
    assert list(tmp_path.iterdir()) == []


def test_scripts_can_stand_in_a_page():
    for script in [*WEB.glob('*.js'), WEB / 'three' / 'three.min.js']:
        assert not re.search(r'</script|<!--', script.read_text(encoding='utf-8'), re.I), script.name


def test_library_comes_with_its_license():
    assert 'MIT License' in (WEB / 'three' / 'LICENSE').read_text(encoding='utf-8')
    assert 'three.js' in (Path(__file__).parents[3] / 'NOTICE').read_text(encoding='utf-8')
