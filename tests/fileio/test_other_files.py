"""Files that took the place of weights or images."""

import pytest

from mmroi.fileio import read_checkpoint
from mmroi.fileio.images import decode_image
from mmroi.fileio.other_files import name_other_file

POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:1a2b\nsize 123\n'
PAGES = (b'<!DOCTYPE html>\n<html>', b'\n <HTML lang="en">', b'<?xml version="1.0"?>\n<html xmlns="x">')


@pytest.mark.parametrize(
    ('content', 'words'),
    [(POINTER, 'is a pointer of Git LFS, not the file itself'), *((page, 'is a web page') for page in PAGES)],
)
def test_they_are_named(tmp_path, content, words):
    (tmp_path / 'weights.pth').write_bytes(content)
    with pytest.raises(ValueError, match=rf'weights\.pth {words}'):
        read_checkpoint(tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=words):
        decode_image(content)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04', b'\x80\x02', b'<svg></svg>', b'html'])
def test_others_are_left_to_their_readers(content):
    assert name_other_file(content) is None
