"""Refuses checkpoints of another architecture, which MMEngine would load in silence."""

from collections.abc import Mapping

from torch import Tensor, nn

PARTS = ('encoder', 'fusion', 'head', 'projector', 'heatmap_head')
ONLY_IN_TRAINING = ('projector', 'heatmap_head')


def check_state_dict(model: nn.Module, state_dict: Mapping[str, Tensor], prefix: str = '') -> None:
    """Check that a checkpoint belongs to this architecture.

    MMEngine loads with ``strict=False`` and merely logs what does not match, so that a model of other parts
    would run with random weights. Here every part (encoder, fusion, head and so on) of which the checkpoint
    has anything must match in all names and shapes. A part may be absent from the checkpoint, so that
    training can start from an encoder alone; the parts that only training uses may be absent from the
    model; and counters of BatchNorm may be absent.

    Args:
        model: The model with its parts as children.
        state_dict: The checkpoint's tensors.
        prefix: What precedes the model's names in ``state_dict``.

    Raises:
        RuntimeError: Nothing or not everything of a part matches, or it is MMHuman3D's own file, whose heads
            have our name.
    """
    own = {name: value.shape for name, value in model.state_dict().items() if name.startswith(PARTS)}
    given = {
        name[len(prefix) :]: value.shape for name, value in state_dict.items() if name.startswith(prefix)
    }
    known = [part for part in PARTS if any(name.startswith(f'{part}.') for name in given)]
    if not known:
        example = next(iter(given), 'none at all')
        raise RuntimeError(
            f'This checkpoint is not of a MeshEstimator: it has none of the parts {", ".join(PARTS)} '
            f'(its first name: {example}). Load weights of a backbone through the encoder: '
            "backbone=dict(..., init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.'))."
        )
    if foreign := next((name for name in given if name.startswith('backbone.')), None):
        raise RuntimeError(
            f'This checkpoint has a backbone by the name of another project ({foreign}), which would stay '
            'unused: convert it by tools/model_converters/convert_checkpoint.py.'
        )
    findings = []
    for part in known:
        mine = {name for name in own if name.startswith(f'{part}.')}
        if part in ONLY_IN_TRAINING and not mine:
            continue
        theirs = {name for name in given if name.startswith(f'{part}.')}
        findings += [f'{name} is not in the model' for name in sorted(theirs - mine)]
        findings += [
            f'{name} is not in the checkpoint'
            for name in sorted(mine - theirs)
            if not name.endswith('num_batches_tracked')
        ]
        findings += [
            f'{name} is {tuple(given[name])} in the checkpoint, {tuple(own[name])} in the model'
            for name in sorted(mine & theirs)
            if given[name] != own[name]
        ]
    if findings:
        raise RuntimeError(
            f'The checkpoint is of another architecture than the config ({len(findings)} mismatches, first: '
            f'{findings[0]}). Use the config that it was trained with, or a checkpoint of this one.'
        )
