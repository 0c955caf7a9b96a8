"""Convert published checkpoints to checkpoints of mmroi."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mmroi.apis.init_model import build_model
from mmroi.apis.published import PUBLISHED, START, PublishedNetwork, find_kind
from mmroi.body_models.body_files import OPEN
from mmroi.engine.body_record import KEY, OFFICIAL
from mmroi.fileio import read_state_dict
from mmroi.fileio.checkpoint_io import SUFFIXES, write_checkpoint
from mmroi.fileio.downloads import sha256_of
from mmroi.utils.config_names import find_config
from mmroi.version import __version__

LISTED = 20


@dataclass(frozen=True)
class Conversion:
    """Summary of a conversion.

    Attributes:
        kind: Key of ``PUBLISHED``.
        config: Config that runs the new file.
        converted: Number of converted tensors.
        dropped: Number of dropped tensors by reason.
    """

    kind: str
    config: Path
    converted: int
    dropped: Mapping[str, int]


def convert_published(
    source: str | Path, out: str | Path, config: str | Path | None = None, kind: str | None = None
) -> Conversion:
    """Convert a published checkpoint, and write it only if the config's model loads all of its weights.

    Args:
        source: Published file, in the zip or legacy format of ``torch.save`` or in safetensors.
        out: File to write, ``.pth`` or ``.safetensors``.
        config: Config that the new file is for; by default the one of its kind.
        kind: Key of ``PUBLISHED``; by default detected from names and shapes.

    Returns:
        Summary of the conversion.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the source is unreadable or of no known kind, or its tensors do not match the model; or
            if ``out`` has another suffix or is the source.
    """
    source, out = Path(source), Path(out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f'the new file must end in {" or ".join(SUFFIXES)}, not {out.name!r}')
    if kind is not None and kind not in PUBLISHED:
        raise ValueError(f'there is no kind {kind!r}; there are {", ".join(PUBLISHED)}')
    state = read_state_dict(source)
    if out.exists() and out.samefile(source):
        raise ValueError(f'{out} is the published file itself; choose another file to write')
    try:
        kind = kind or find_kind(state)
    except ValueError as error:
        raise ValueError(f'{source}: {error}') from error
    network = PUBLISHED[kind]
    path = find_config(config or network.config)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())  # as a user would type it
    model = build_model(path, body_model=OPEN)  # no weight depends on the body, so SMPL is not needed
    renamed, dropped = rename(network, state)
    findings = compare(network, state, renamed, model.state_dict())
    if findings:
        reason = _other_network(network, renamed, model, path)
        reason = reason or f'but does not fit the model of {path}: {"; ".join(findings)}'
        raise ValueError(f'{source} is {network.title}, {reason}')
    # Check again with torch's strict loading, which also casts half precision to the model's.
    model.load_state_dict({**model.state_dict(), **renamed}, strict=True)
    meta = dict(
        source_kind=kind,
        source_file=source.name,
        source_sha256=sha256_of(source),
        config=str(config or network.config),
        mmroi_version=__version__,
        **{KEY: OFFICIAL},
    )
    write_checkpoint(out, model.state_dict(), meta)
    return Conversion(kind, path, len(state) - sum(dropped.values()), dropped)


def rename(
    network: PublishedNetwork, state: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Rename the tensors of a published checkpoint to our names.

    Args:
        network: Kind of the checkpoint.
        state: Tensors of the checkpoint. Unknown names are kept.

    Returns:
        The renamed tensors, and the number of dropped tensors by reason.
    """
    renamed, dropped = {}, dict.fromkeys(network.dropped.values(), 0)
    for name, value in state.items():
        reason = next((why for prefix, why in network.dropped.items() if name.startswith(prefix)), None)
        if reason:
            dropped[reason] += 1
        elif name not in network.start:
            renamed[network.our_name(name)] = value
    if network.start and all(name in state for name in network.start):
        renamed[START] = torch.cat([state[name].flatten() for name in network.start])
    return renamed, {reason: count for reason, count in dropped.items() if count}


def compare(
    network: PublishedNetwork,
    state: Mapping[str, Tensor],
    renamed: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
) -> list[str]:
    """Compare names and shapes of a checkpoint with those of a model.

    Args:
        network: Kind of the checkpoint.
        state: Tensors of the checkpoint under their original names.
        renamed: The same tensors under our names.
        own: Tensors of the model. The checkpoint may lack the counters of BatchNorm.

    Returns:
        One message each for missing tensors, unknown ones and wrong shapes, with the names in the file; empty
        if everything matches.
    """
    missing = [
        name
        for ours in own
        if ours not in renamed and not ours.endswith('num_batches_tracked')
        for name in network.their_names(ours)
        if name not in state
    ]
    unknown = [
        name
        for ours in renamed
        if ours not in own
        for name in ([ours] if ours in state else network.their_names(ours))
    ]
    shapes = [
        f'{", ".join(network.their_names(ours))} {tuple(value.shape)} instead of {tuple(own[ours].shape)}'
        for ours, value in renamed.items()
        if ours in own and value.shape != own[ours].shape
    ]
    findings = (('missing', missing), ('unknown', unknown), ('of another shape', shapes))
    return [_list(what, names) for what, names in findings if names]


def _list(what: str, names: Collection[str]) -> str:
    rest = f' and {len(names) - LISTED} more' if len(names) > LISTED else ''
    noun = 'tensor is' if len(names) == 1 else 'tensors are'
    return f'{len(names)} {noun} {what}: {", ".join(list(names)[:LISTED])}{rest}'


def _other_network(
    network: PublishedNetwork, renamed: Mapping[str, Tensor], model: nn.Module, config: Path
) -> str | None:
    """Return how the whole network differs from the model, which says more than a list of its tensors."""
    head, own = model.get_submodule('head'), model.state_dict()
    scores = renamed.get('fusion.set_mlp.4.weight')
    if scores is not None and len(scores) != head.num_rois:
        return f'for {len(scores)} RoIs, but {config} builds one for {head.num_rois}; use {network.config}'
    for name, value in renamed.items():
        if name.startswith('head.regressor.') and (name not in own or own[name].shape != value.shape):
            return f'made for another head than the {type(head).__name__} of {config}; use {network.config}'
    return None
