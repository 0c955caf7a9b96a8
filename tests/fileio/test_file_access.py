import os
import struct
import zlib

import pytest

from mmroi.datasets import BadSampleError, LoadImage
from mmroi.datasets.image_checks import image_size
from mmroi.fileio.file_access import ImageFolders, leads_out, read_regular_file


def test_an_ordinary_file_and_a_link_to_it(tmp_path):
    (tmp_path / 'a').write_bytes(b'content')
    (tmp_path / 'link').symlink_to('a')
    assert read_regular_file(tmp_path / 'a') == read_regular_file(str(tmp_path / 'link')) == b'content'
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path / 'none')


def test_nothing_else_is_read(tmp_path):
    os.mkfifo(tmp_path / 'pipe')  # opening it would wait for a writer
    (tmp_path / 'zero').symlink_to('/dev/zero')
    for name, reason in (('pipe', 'a pipe or device'), ('zero', 'a pipe or device'), ('.', 'a folder')):
        with pytest.raises(ValueError, match=f'^is {reason}, not a file$'):
            read_regular_file(tmp_path / name)
    (tmp_path / 'large').touch()
    os.truncate(tmp_path / 'large', 1 << 40)
    with pytest.raises(ValueError, match='has 1099511627776 bytes'):
        read_regular_file(tmp_path / 'large')


def png(width, height):
    """A PNG of one color, whose rows need no memory to write."""

    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    parts = chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(height))) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + parts


def test_the_size_is_known_before_decoding(tmp_path):
    (tmp_path / 'huge.png').write_bytes(png(32_000, 32_000))
    for read in (image_size, lambda path: LoadImage()(dict(img_path=path))):
        with pytest.raises(BadSampleError, match=r'unreadable image: \S*huge\.png .*more than \d+ pixels'):
            read(str(tmp_path / 'huge.png'))


@pytest.mark.parametrize(
    'path, outside',
    [
        ('a.jpg', False),
        ('a/../b.jpg', False),
        ('..a.jpg', False),
        ('../a.jpg', True),
        ('a/../../b.jpg', True),
    ],
)
def test_paths_that_lead_out(tmp_path, path, outside):
    assert leads_out(path) == outside
    assert ImageFolders([tmp_path / 'root']).contain(str(tmp_path / 'root' / path)) != outside


def test_absolute_paths_and_links(tmp_path):
    root, other = tmp_path / 'root', tmp_path / 'root2'
    for folder in (root, other):
        folder.mkdir()
        (folder / 'a.jpg').touch()
    (root / 'out.jpg').symlink_to(other / 'a.jpg')
    (root / 'in.jpg').symlink_to('a.jpg')
    (root / 'outside').symlink_to(other)
    (tmp_path / 'linked').symlink_to(root)
    folders = ImageFolders([root])
    for path in (root / 'a.jpg', root / 'in.jpg', root / 'none.jpg', tmp_path / 'linked' / 'a.jpg'):
        assert folders.contain(str(path)), path
    for path in (other / 'a.jpg', root / 'out.jpg', root / 'outside' / 'a.jpg', '/dev/zero', root / '..'):
        assert not folders.contain(str(path)), path
    assert leads_out('/dev/zero')
    # a link to the folder itself is the user's own
    linked = ImageFolders([tmp_path / 'linked'])
    assert linked.contain(str(tmp_path / 'linked' / 'a.jpg')) and linked.contain(str(root / 'a.jpg'))


def test_a_folder_without_a_name_is_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ImageFolders(['']).contain('a.jpg') and not ImageFolders(['']).contain('../a.jpg')


def test_relative_folders_follow_the_process(tmp_path, monkeypatch):
    for name in 'ab':
        (tmp_path / name / 'images').mkdir(parents=True)
        monkeypatch.chdir(tmp_path / name)
        assert ImageFolders(['images']).contain('images/1.jpg')
