"""Which body a network was trained for: stands in its checkpoints, and is compared with the body at hand."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from torch import nn

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN

KEY = 'body_model'  # in the ``meta`` of a checkpoint
OFFICIAL: dict[str, str] = dict(name='SMPL_NEUTRAL')  # of published weights, whose file is not known


def body_record(body: nn.Module | None) -> dict[str, str]:
    """Describe a body for a checkpoint.

    Args:
        body: A body model.

    Returns:
        Its ``name`` and ``digest``, see :class:`.SMPL`; empty for other classes and None.
    """
    return dict(name=body.name, digest=body.digest) if isinstance(body, SMPL) else {}


def warn_of_other_body(meta: Any, body: nn.Module | None, where: str) -> None:
    """Warn if weights were trained for another body than the one that they will pose.

    Files without a record say nothing.

    Args:
        meta: ``meta`` of the checkpoint.
        body: Body model of the network.
        where: The checkpoint, for the message.
    """
    trained, own = _read(meta), body_record(body)
    if not trained or not own:
        return
    if 'digest' in trained:
        differ = trained['digest'] != own['digest']
    else:
        differ = (trained['name'] == OPEN) != (own['name'] == OPEN)
    if differ:
        named = [f'{one["name"]} ({one.get("digest", "digest unknown")})' for one in (trained, own)]
        print_log(
            f'{where} was trained for the body {named[0]}, and the body here is {named[1]}: its shape '
            'parameters describe other people on it, and errors are not comparable. Give the body of the '
            f'training: --body-model {OPEN if trained["name"] == OPEN else "PATH"} (body_model=...)',
            'current',
            logging.WARNING,
        )


def _read(meta: Any) -> dict[str, str]:
    """Return the record of a checkpoint; empty if it has none."""
    found = meta.get(KEY) if isinstance(meta, Mapping) else None
    if isinstance(found, str):  # safetensors
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    return dict(found) if isinstance(found, Mapping) and isinstance(found.get('name'), str) else {}
