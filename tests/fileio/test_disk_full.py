"""Every writer on a full disk: the old file stays, nothing is left of the new one, the error names it."""

import numpy as np
import pytest
import torch

from mmroi.fileio import HumanData, write_checkpoint
from mmroi.fileio.atomic import WriteError, atomic_write
from mmroi.fileio.image_writing import write_image
from mmroi.fileio.npz_io import write_npz

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
LIMIT = 4096  # bytes; each file is larger


def write_text(path):
    with atomic_write(path) as temporary:
        temporary.write_text('x' * 2 * LIMIT)


def write_human_data(path, compress):
    boxes = np.random.default_rng(0).uniform(size=(500, 5))
    HumanData(dict(image_path=['a.jpg'] * 500, bbox_xywh=boxes)).dump(path, compress)


def write_with_torch(path):
    with atomic_write(path) as temporary:
        torch.save(torch.ones(5000), temporary)


def write_with_numpy(path):
    with atomic_write(path) as temporary:
        NOISE.tofile(temporary)


WRITERS = {
    'a.txt': write_text,
    'a.npz': lambda path: write_npz(path, dict(a=NOISE)),
    'b.npz': lambda path: write_npz(path, dict(a=NOISE), compress=True),
    'c.npz': lambda path: write_human_data(path, compress=False),
    'd.npz': lambda path: write_human_data(path, compress=True),
    'a.pth': lambda path: write_checkpoint(path, {'a': torch.ones(5000)}, {}),
    'b.pth': write_with_torch,
    'a.npy': write_with_numpy,
    'a.safetensors': lambda path: write_checkpoint(path, {'a': torch.ones(5000)}, {}),
    'a.png': lambda path: write_image(path, NOISE),
    'a.jpg': lambda path: write_image(path, NOISE, quality=95),
}


@pytest.mark.parametrize('name', WRITERS)
def test_nothing_half_is_left(tmp_path, small_disk, name):
    path = tmp_path / name
    for old in (None, b'old'):
        if old:
            path.write_bytes(old)
        with pytest.raises(
            WriteError, match=f'^cannot write {path}: (File too large|the disk may be full); .*; free space'
        ):
            with small_disk(LIMIT):
                WRITERS[name](path)
        assert [file.read_bytes() for file in tmp_path.iterdir()] == ([old] if old else [])
    WRITERS[name](path)
    assert path.stat().st_size > LIMIT
