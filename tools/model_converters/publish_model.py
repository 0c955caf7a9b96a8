"""Make a checkpoint small and safe to publish: weights and a short description, nothing else.

``mmroi publish-model IN OUT --half --hash``; OUT ends in .pth or .safetensors.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.running import run_tool
from mmroi.version import __version__

if TYPE_CHECKING:
    from torch import Tensor

KEPT_META = ('cfg', 'body_model', 'epoch', 'iter', 'seed', 'experiment_name', 'mmengine_version')


def publish(
    source: Path,
    target: Path,
    half: bool = False,
    with_hash: bool = False,
    without_backbone: bool = False,
    for_prediction: bool = False,
) -> Path:
    """Write the weights of a training checkpoint to a file of their own.

    Args:
        source: Checkpoint written by training. With an EMA hook its weights are the averaged ones.
        target: File to write, ending in .pth or .safetensors.
        half: Store floating-point weights in half precision; loading turns them back to float32.
        without_backbone: Leave out the backbone, which must be that of the file named by the config
            (``model.encoder.backbone.init_cfg``) and is read from there on loading.
        for_prediction: Leave out the parts that only training needs (``MeshEstimator.ONLY_IN_TRAINING``); a
            training that starts from the file initializes them again.
        with_hash: Put the first 8 digits of the SHA-256 of the weights into the file's name.

    Returns:
        Path of the file that was written.

    Raises:
        KeyError: If the file is no checkpoint of MMEngine.
        ValueError: If a weight is not finite, or becomes infinite in half precision, or the target ends
            otherwise; or if the backbone is to be left out and is not the one of that file.
    """
    from mmroi.engine.body_record import KEY
    from mmroi.fileio import read_checkpoint, write_checkpoint
    from mmroi.models.estimators import MeshEstimator

    checkpoint = read_checkpoint(source)
    if not isinstance(checkpoint.get('state_dict'), dict):
        raise KeyError(f'{source} has no state_dict: it is not a checkpoint written by mmroi train')
    weights = {}
    for name, value in checkpoint['state_dict'].items():
        if value.is_floating_point() and half:
            value = value.half()
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(
                f'{source}: the weight {name!r} has values that are not finite'
                f'{" in half precision" if half else ""}'
            )
        weights[name] = value.clone()  # a view would drag its whole storage along
    if for_prediction:
        training = tuple(f'{part}.' for part in MeshEstimator.ONLY_IN_TRAINING)
        weights = {name: value for name, value in weights.items() if not name.startswith(training)}
    if without_backbone:
        weights = _refer_to_backbone(weights, checkpoint.get('meta', {}).get('cfg', ''), source)
    meta = {key: value for key, value in checkpoint.get('meta', {}).items() if key in KEPT_META}
    if KEY not in meta and (record := _record_from_config(meta.get('cfg', ''))):
        meta[KEY] = record
    return write_checkpoint(target, weights, {**meta, 'mmroi_version': __version__}, with_hash)


def _record_from_config(config: str) -> dict[str, str]:
    """Describe the body of a checkpoint from before bodies were recorded; empty if it is not the open one."""
    from mmroi.body_models import SMPL
    from mmroi.body_models.body_files import is_open
    from mmroi.engine.body_record import body_record
    from mmroi.fileio.config_text import parse_config_text

    try:
        body = parse_config_text(config)['model']['body_model']
    except (SyntaxError, TypeError, ValueError, KeyError):
        return {}
    return body_record(SMPL()) if is_open(body.get('model_path')) else {}


def _refer_to_backbone(weights: dict[str, Tensor], config: str, source: Path) -> dict[str, Tensor]:
    """Leave out the backbone after a test that it comes back on loading."""
    from mmengine.config import Config

    from mmroi.apis import build_model
    from mmroi.fileio.config_text import parse_config_text
    from mmroi.models.estimators import leave_out_backbone, restore_backbone

    referring = leave_out_backbone(weights)
    try:
        model = build_model(Config(parse_config_text(config)))
    except (SyntaxError, TypeError, ValueError) as error:
        raise ValueError(
            f"{source}: the backbone cannot be left out, the checkpoint's config cannot be used: {error}"
        ) from error
    try:
        restore_backbone(model, dict(referring))
    except RuntimeError as error:
        raise ValueError(f'{source}: the backbone cannot be left out, it was trained: {error}') from error
    return referring


def main() -> None:
    """Read the command line and publish."""
    parser = argparse.ArgumentParser(description='Strip a checkpoint to its weights')
    parser.add_argument('source', help='checkpoint written by training')
    parser.add_argument('target', type=Path, help='file to write: .pth or .safetensors')
    parser.add_argument('--half', action='store_true', help='store weights in half precision')
    parser.add_argument('--hash', action='store_true', help="put a hash of the weights into the file's name")
    parser.add_argument(
        '--without-backbone',
        action='store_true',
        help='leave out a frozen backbone; loading reads it from the file that the config names',
    )
    parser.add_argument(
        '--for-prediction',
        action='store_true',
        help='leave out parts that only training needs, such as the projector of the contrastive loss',
    )
    args = parser.parse_args()
    from mmroi.engine.launch import existing_file

    source = Path(existing_file(args.source))
    path = publish(source, args.target, args.half, args.hash, args.without_backbone, args.for_prediction)
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    run_tool(main)
