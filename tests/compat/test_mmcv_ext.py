import subprocess
import sys

import pytest
import torch

from mmroi.compat import mmcv_ext

USE_DETECTOR = """
import torch
from mmdet.models import HRNet, ResNet
backbone = ResNet(depth=18, out_indices=(3, ))
print(tuple(backbone(torch.zeros(1, 3, 64, 64))[0].shape))
"""


def run(code):
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)


HAS_COMPILED_OPS = run('import mmcv._ext').returncode == 0


def test_is_needed():
    """When this fails without compiled ops, MMDetection imports beside mmcv-lite: remove the stand-in."""
    if HAS_COMPILED_OPS:
        assert run(USE_DETECTOR).returncode == 0
    else:
        failed = run(USE_DETECTOR)
        assert failed.returncode != 0 and "No module named 'mmcv._ext'" in failed.stderr


def test_backbones_work_with_it():
    done = run('import mmroi\n' + USE_DETECTOR)
    assert done.stdout == '(1, 512, 2, 2)\n', done.stderr


def test_compiled_module_is_found_first(tmp_path):
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').touch()
    (tmp_path / 'mmcv' / '_ext.py').write_text('compiled = True')
    done = run(
        f'import mmroi, sys; sys.path.insert(0, {str(tmp_path)!r})\n'
        'import mmcv._ext; print(mmcv._ext.compiled)'
    )
    assert done.stdout == 'True\n', done.stderr


def test_import_of_mmroi_is_light():
    done = run('import mmroi, sys; print([m for m in ("torch", "mmdet", "mmcv._ext") if m in sys.modules])')
    assert done.stdout == '[]\n', done.stderr


def plain_nms(boxes, scores, threshold, offset):
    def iou(a, b):
        width = min(a[2], b[2]) - max(a[0], b[0]) + offset
        height = min(a[3], b[3]) - max(a[1], b[1]) + offset
        shared = max(width, 0) * max(height, 0)
        areas = [(c[2] - c[0] + offset) * (c[3] - c[1] + offset) for c in (a, b)]
        return shared / (sum(areas) - shared)

    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize('offset', [0, 1])
def test_nms_against_double_loop(offset):
    generator = torch.Generator().manual_seed(3)
    corners, sizes = torch.rand(2, 80, 2, generator=generator, dtype=torch.float64) * 40
    boxes = torch.cat([corners, corners + sizes + 5], 1)
    scores = torch.rand(80, generator=generator)
    kept = mmcv_ext.nms(boxes, scores, 0.4, offset)
    assert kept.tolist() == plain_nms(boxes.tolist(), scores.tolist(), 0.4, offset)
    assert 5 < len(kept) < 80


def test_nms_of_nothing():
    assert mmcv_ext.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []


def test_nms_by_hand():
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0], [20.0, 20.0, 30.0, 30.0]])
    scores = torch.tensor([0.5, 0.9, 0.1])
    # the first two share 50 of 100 square pixels
    assert mmcv_ext.nms(boxes, scores, 0.49).tolist() == [1, 2]
    assert mmcv_ext.nms(boxes, scores, 0.5).tolist() == [1, 0, 2]


def test_missing_op_says_what_to_install():
    stand_in = mmcv_ext._StandIn('mmcv._ext')
    with pytest.raises(NotImplementedError, match=r'roi_align_forward.*mmcv==2\.1\.0'):
        stand_in.roi_align_forward(torch.zeros(1))


def test_install_twice_changes_nothing():
    mmcv_ext.install()
    before = list(sys.meta_path)
    mmcv_ext.install()
    assert sys.meta_path == before
