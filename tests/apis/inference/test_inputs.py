import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.inputs import open_inputs, printable


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def test_folder_goes_on_past_a_bad_file(photo: np.ndarray, tmp_path: Path) -> None:
    for name in ('b.png', 'a.PNG', '.hidden.png'):
        cv2.imwrite(str(tmp_path / name), photo)
    (tmp_path / 'broken.jpg').write_bytes(b'\xff\xd8 no photo')
    (tmp_path / 'zero.jpg').touch()
    (tmp_path / 'notes.txt').touch()
    (tmp_path / 'sub.png').mkdir()
    assert len(open_inputs(f'{tmp_path}/*')) == 5  # with the text that a pattern names
    inputs = open_inputs(tmp_path)
    assert len(inputs) == inputs.num_frames == 4
    found = list(inputs)
    assert [getattr(f, 'name', type(f)) for f in found] == ['a', 'b', BadInput, BadInput]
    assert [Path(f.source).name for f in found] == ['a.PNG', 'b.png', 'broken.jpg', 'zero.jpg']
    np.testing.assert_array_equal(found[1].image, photo)
    assert 'broken.jpg cannot be decoded' in str(found[2]) and 'empty (0 bytes)' in str(found[3])


def test_all_kinds_in_one_list_have_names_of_their_own(photo: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / 'sub').mkdir()
    for name in ('a.png', 'A.bmp', 'sub/a.png'):
        cv2.imwrite(str(tmp_path / name), photo)
    encoded = cv2.imencode('.png', photo)[1].tobytes()
    inputs = open_inputs(
        [str(tmp_path / '?.png'), tmp_path / 'A.bmp', f'{tmp_path}/**/a.png', encoded, photo, photo]
    )
    frames = [frame for frame in inputs if isinstance(frame, Frame)]
    assert [frame.name for frame in frames] == ['a', 'A_2', 'a_3', 'a_4', 'bytes', 'array', 'array_2']
    assert [frame.source for frame in frames][-3:] == ['bytes', 'array', 'array']
    for frame in frames:
        np.testing.assert_array_equal(frame.image, photo)
        assert (frame.index, frame.video, frame.time, frame.focal_length) == (0, None, None, None)
    assert len(list(inputs)) == len(list(inputs)) == 7  # again from the start


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ('nowhere.jpg', 'nowhere.jpg does not exist; check'),
        ('nowhere/*.jpg', r'nowhere/\*.jpg matches no file; check'),
        ('ftp://example.org/a.jpg', 'is a URL that is not read; give one of http://'),
        ([], 'list of inputs is empty'),
        ('', 'an input is empty'),
        ([3.5], 'an input is a float; give a path'),
    ],
)
def test_what_cannot_be_found_is_refused_at_once(given: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        open_inputs(given)


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r'is a folder without images and videos \(.*\.jpg.*\.mp4'):
        open_inputs(tmp_path)


def test_one_bad_path_does_not_hinder_the_others(photo: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), photo)
    (tmp_path / 'folder.jpg').mkdir()
    os.mkfifo(tmp_path / 'pipe.jpg')
    bad = [
        'ftp://example.org/a.jpg',
        f'{tmp_path}/none.jpg',
        f'{tmp_path}/*.gif',
        str(tmp_path / 'folder.jpg'),
        'x' * 300,
        'a\0b.jpg',
        str(tmp_path / 'pipe.jpg'),
    ]
    found = list(open_inputs([*bad, str(tmp_path / 'a.png')]))
    assert [type(item) for item in found] == [BadInput] * len(bad) + [Frame]
    assert [item.source for item in found[:-1]] == [printable(path) for path in bad]
    for item, reason in zip(
        found, ('URL', 'not exist', 'no file', 'a folder', 'too long', '', 'a pipe'), strict=False
    ):
        assert reason in item.reason and item.source not in item.reason
    with pytest.raises(BadInputError, match='File name too long'):
        open_inputs('x' * 300)


@pytest.mark.parametrize('pattern', ['', '/*'])
def test_pipes_and_broken_links_of_a_folder_are_named(
    photo: np.ndarray, tmp_path: Path, pattern: str
) -> None:
    """Opening a pipe as a video would wait for ever."""
    for name in ('a.gif', 'b.mp4', 'c.webp', 'd.png'):
        os.mkfifo(tmp_path / name)
    (tmp_path / 'e.jpg').symlink_to('gone.jpg')
    (tmp_path / 'f.avi').symlink_to('/dev/zero')
    (tmp_path / 'g.mov').symlink_to('gone.mov')
    cv2.imwrite(str(tmp_path / 'h.png'), photo)
    inputs = open_inputs(f'{tmp_path}{pattern}')
    *bad, frame = list(inputs)
    assert isinstance(frame, Frame) and [Path(item.source).name[0] for item in bad] == list('abcdefg')
    for item, reason in zip(bad, [*['pipe'] * 4, 'No such file', 'pipe', 'No such file'], strict=True):
        assert reason in item.reason


def test_names_are_short_and_printable(photo: np.ndarray, tmp_path: Path) -> None:
    encoded = cv2.imencode('.png', photo)[1].tobytes()
    paths = [
        bytes(tmp_path) + b'/' + name
        for name in (b'caf\xe9.png', b'caf\xea.png', b'new\nline.png', b'\xc3\xbc' * 125 + b'.png')
    ]
    for path in paths:
        Path(os.fsdecode(path)).write_bytes(encoded)
    frames = list(open_inputs([os.fsdecode(path) for path in paths]))
    assert [frame.name for frame in frames] == ['caf\ufffd', 'caf\ufffd_2', 'new\ufffdline', 'ü' * 80]
    for frame in frames:
        frame.source.encode()
        np.testing.assert_array_equal(frame.image, photo)


def test_a_file_named_like_a_pattern(photo: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a[1].png'), photo)
    (frame,) = open_inputs(str(tmp_path / 'a[1].png'))
    assert frame.name == 'a[1]'


@pytest.mark.parametrize(
    'array', [np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 2), np.uint8)]
)
def test_array_of_another_kind(array: np.ndarray) -> None:
    (bad,) = open_inputs(array)
    assert isinstance(bad, BadInput) and 'give (height, width, 3) BGR uint8' in str(bad)
