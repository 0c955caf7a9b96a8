"""``init_cfg=dict(type='Pretrained', ...)`` that runs no code of the file and skips no weight silently."""

import re
from collections import Counter
from collections.abc import Mapping

import torch
from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit, update_init_info
from torch import Tensor, nn

from mmroi.fileio.downloads import locate
from mmroi.fileio.state_dicts import find_mismatches, read_state_dict
from mmroi.registry import WEIGHT_INITIALIZERS

_FUSE_LAYER = re.compile(r'(?:.*\.)?stage4\.(?P<module>\d+)\.fuse_layers\.[1-9]\d*\.')


@WEIGHT_INITIALIZERS.register_module(name='Pretrained')
class StrictPretrainedInit(PretrainedInit):
    """Loads a module's weights from a file that must match the module.

    It has the name and arguments of MMEngine's initializer, which it replaces if the default scope is
    ``mmroi``. MMEngine's loads whatever matches, so a ResNet-50 file would leave half of a ResNet-101 random.
    Here all names and shapes below the module's children must match in both directions, except for

    * parts that the module does not have (``fc``, ``head``), which are skipped and logged;
    * BatchNorm's ``num_batches_tracked``;
    * the last fusion of HRNet to its coarser branches, ``stage4.*.fuse_layers.1`` and up. Pose networks
      return the finest branch only and do not have it (``multiscale_output=False`` in MMPose); it stays
      random, which is logged.

    Args:
        checkpoint: Path, URL (kept in torch's cache), or ``torchvision://`` or ``open-mmlab://`` name;
            see :func:`mmroi.fileio.state_dicts.read_state_dict` for the formats.
        prefix: Prefix of the module's names in the file, such as ``'backbone.'``.
        map_location: Ignored: weights are read on the CPU and copied to the module's device.
        log_skipped: Log the parts of the file that the module does not have.
        sha256: Hash that the file must have, in hexadecimal; None accepts any content.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str | None = None,
        log_skipped: bool = True,
        sha256: str | None = None,
    ) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.log_skipped = log_skipped
        self.sha256 = sha256

    def __call__(self, module: nn.Module) -> None:
        """Load the weights.

        Raises:
            FileNotFoundError: The file does not exist and cannot be downloaded.
            ValueError: It cannot be read, has another hash, or belongs to another network.
        """
        given = self._select(read_state_dict(locate(self.checkpoint, self.sha256)), module)
        own = module.state_dict()
        absent = _absent_from_pose_networks(own, given)
        findings = find_mismatches(given, {name: own[name] for name in own if name not in absent})
        if findings:
            raise ValueError(
                f'{self._source()} does not fit {type(module).__name__} ({len(findings)} mismatches: '
                f'{"; ".join(findings[:3])}{"; ..." if len(findings) > 3 else ""}): take a checkpoint of '
                'the same network, with the same depth and width.'
            )
        if absent:
            print_log(
                f'{self._source()} has no fusion to the coarser branches of HRNet, which stays '
                f'untrained: {len(absent)} tensors such as {absent[0]}',
                logger='current',
            )
        with torch.no_grad():
            module.load_state_dict(given, strict=False)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())

    def _source(self) -> str:
        return f'{self.checkpoint} (prefix {self.prefix!r})' if self.prefix else str(self.checkpoint)

    def _select(self, state: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
        """Tensors below the prefix that belong to parts of the module."""
        prefix = self.prefix or ''
        if prefix and not prefix.endswith('.'):
            prefix += '.'
        below = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        parts = {_part(name) for name in module.state_dict()}
        given = {name: value for name, value in below.items() if _part(name) in parts}
        if not given:
            found = ', '.join(sorted({_part(name) for name in below or state}))
            raise ValueError(
                f'{self._source()} has nothing of {type(module).__name__}, whose parts are '
                f'{", ".join(sorted(parts))}: names in the file begin with {found}; set prefix to what '
                "precedes the parts there, such as 'backbone.'."
            )
        others = Counter(_part(name) for name in below if _part(name) not in parts)
        if others and self.log_skipped:
            counts = ', '.join(f'{name} ({count} tensors)' for name, count in sorted(others.items()))
            print_log(
                f'{self._source()}: {type(module).__name__} has no such parts, left out: {counts}',
                logger='current',
            )
        return given


def _part(name: str) -> str:
    return name.partition('.')[0]


def _absent_from_pose_networks(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """Names of HRNet's last fusion to the coarser branches, if the file has none of them."""
    fuse = {name: int(match['module']) for name in own if (match := _FUSE_LAYER.match(name))}
    last = [name for name, index in fuse.items() if index == max(fuse.values())]
    return [] if given.keys() & set(last) else last
