"""Refuse checkpoints of another architecture, which MMEngine would load silently."""

import warnings
from collections.abc import Mapping

from torch import Tensor, nn

from mmroi.fileio.state_dicts import find_mismatches

PREDICTING = ('encoder', 'fusion', 'head')
OPTIONAL = ('uncertainty_head',)


def check_state_dict(
    model: nn.Module, state_dict: Mapping[str, Tensor], prefix: str = '', complete: bool = False
) -> None:
    """Check that a checkpoint belongs to this architecture.

    MMEngine loads with ``strict=False`` and only logs what does not match, so a model with other parts would
    run with random weights. Here every part (encoder, fusion, head and so on) of which the checkpoint has
    anything must match in all names and shapes, except that

    * parts in the model's ``ONLY_IN_TRAINING`` may be missing from the checkpoint or from the model, and so
      may ``uncertainty_head``; a model whose checkpoint lacks it warns, because it predicts;
    * any part may be missing from the checkpoint, unless ``complete`` is set: training can start from an
      encoder;
    * BatchNorm's ``num_batches_tracked`` may be missing.

    Args:
        model: The model with its parts as children.
        state_dict: The checkpoint's tensors.
        prefix: Prefix of the model's names in ``state_dict``.
        complete: Require all parts that predict.

    Raises:
        RuntimeError: A part does not match, or the checkpoint is MMHuman3D's own file, whose heads have the
            same name.
    """
    only_in_training = tuple(getattr(model, 'ONLY_IN_TRAINING', ()))
    parts = (*PREDICTING, *OPTIONAL, *only_in_training)
    starts = tuple(f'{part}.' for part in parts)
    own = {name: value for name, value in sorted(model.state_dict().items()) if name.startswith(starts)}
    given = {name[len(prefix) :]: value for name, value in state_dict.items() if name.startswith(prefix)}
    known = [part for part in parts if any(name.startswith(f'{part}.') for name in given)]
    if not known:
        example = next(iter(given), 'none at all')
        raise RuntimeError(
            f'This checkpoint is not of a MeshEstimator: it has none of the parts {", ".join(parts)} '
            f'(its first name: {example}). Load weights of a backbone through the encoder: '
            "backbone=dict(..., init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.'))."
        )
    if foreign := next((name for name in given if name.startswith('backbone.')), None):
        raise RuntimeError(
            f'This checkpoint has a backbone by the name of another project ({foreign}), which would stay '
            'unused: convert it by mmroi convert-checkpoint.'
        )
    absent = [name for name in own if name.startswith(PREDICTING) and not name.startswith(tuple(known))]
    if complete and absent:
        raise RuntimeError(
            f'The checkpoint lacks weights of the model: {", ".join(absent[:3])}'
            f'{", ..." if len(absent) > 3 else ""} ({len(absent)} in all); use the config that it was '
            'trained with.'
        )
    findings = []
    for part in known:
        mine = {name: value for name, value in own.items() if name.startswith(f'{part}.')}
        if part in (*OPTIONAL, *only_in_training) and not mine:
            continue
        theirs = {name: value for name, value in given.items() if name.startswith(f'{part}.')}
        findings += find_mismatches(theirs, mine, 'checkpoint', 'model')
    for part in OPTIONAL:
        if part not in known and any(name.startswith(f'{part}.') for name in own):
            warnings.warn(
                f'The checkpoint has no {part}: its weights stay as they are, random in a new model, and '
                f'what it predicts means nothing before it is trained. Remove model.{part} from the config, '
                'or load a checkpoint that has one.',
                stacklevel=2,
            )
    if findings:
        raise RuntimeError(
            f'The checkpoint is of another architecture than the config ({len(findings)} mismatches, first: '
            f'{findings[0]}). Use the config that it was trained with, or a checkpoint of this one.'
        )
