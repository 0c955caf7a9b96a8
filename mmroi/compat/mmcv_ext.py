"""A stand-in for ``mmcv._ext``, the compiled part of MMCV that mmcv-lite lacks.

MMDetection imports ``mmcv.ops`` everywhere, even for backbones that do not use it, so with mmcv-lite not even
``mmdet.ResNet`` can be imported. With the stand-in it can, and detectors whose only op is NMS work (RTMDet,
YOLOX). Every other op raises an error that says what to install.

Upstream: https://github.com/open-mmlab/mmdetection/issues/11475,
https://github.com/open-mmlab/mmdetection/issues/10619
Remove when: MMDetection's models can be imported with mmcv-lite, or MMCV ships wheels with ops for every
torch version in ``mmroi.version.REQUIRED``.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_NAME = 'mmcv._ext'


def nms(
    boxes: 'torch.Tensor', scores: 'torch.Tensor', iou_threshold: float, offset: int = 0
) -> 'torch.Tensor':
    """Greedy non-maximum suppression in plain torch, with the signature of ``mmcv._ext.nms``.

    Args:
        boxes: (N, 4) corners x1, y1, x2, y2 in pixels.
        scores: (N,).
        iou_threshold: A box whose IoU with a better one exceeds this is dropped.
        offset: 1 if the corner (x2, y2) belongs to the box, else 0.

    Returns:
        Indices of the remaining boxes, best first, int64.
    """
    import torch

    order = scores.argsort(descending=True, stable=True)
    ordered = boxes[order]
    low, high = ordered[:, :2], ordered[:, 2:]
    area = (high - low + offset).prod(dim=1)
    alive = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    for i in range(len(boxes)):
        if not alive[i]:
            continue
        size = torch.minimum(high[i], high[i + 1 :]) - torch.maximum(low[i], low[i + 1 :]) + offset
        shared = size.clamp(min=0).prod(dim=1)
        alive[i + 1 :] &= shared <= iou_threshold * (area[i] + area[i + 1 :] - shared)
    return order[alive]


class _StandIn(ModuleType):
    """A module with every op; ops without an implementation raise when called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> None:
            raise NotImplementedError(
                f'mmcv-lite lacks the op mmcv.{name}: replace it by mmcv==2.1.0 with compiled ops '
                '(in a clone of mmroi: make mmcv-ops)'
            )

        return missing


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the stand-in. It is last in ``sys.meta_path``, so a compiled ``mmcv._ext`` takes precedence."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(_NAME, self) if fullname == _NAME else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandIn(_NAME)

    def exec_module(self, module: ModuleType) -> None:
        module.nms = nms  # type: ignore[attr-defined]


def install() -> None:
    """Add the stand-in to Python's import system. Calling it again has no effect."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
