"""Batches of fields of the data samples that MMEngine passes to a metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def sample_name(sample: Mapping[str, Any]) -> str:
    """Return the index and the image path of a sample, for error messages."""
    return f'sample {sample.get("sample_idx", "?")} ({sample.get("img_path", "no img_path")})'


def stack_field(samples: Sequence[Mapping[str, Any]], group: str, key: str) -> Tensor:
    """Concatenate one field of all samples along the leading dimension, which is 1 in each.

    Args:
        samples: Data samples as dicts.
        group: ``pred_instances`` or ``gt_instances``.
        key: Name of the field.

    Returns:
        The field, (N, ...), on the device of the first sample's field.

    Raises:
        KeyError: If a sample lacks the field.
        ValueError: If a sample's field has NaN or infinite values.
    """
    rows = []
    for sample in samples:
        instances = sample.get(group)
        if instances is None or key not in instances:
            what = 'prediction' if group == 'pred_instances' else 'annotation'
            raise KeyError(
                f'{sample_name(sample)} has no {what} "{key}"; its {group} holds '
                f'{sorted(instances.keys()) if instances is not None else "nothing"}'
            )
        rows.append(torch.as_tensor(instances[key]))
    batch = torch.cat([row.to(rows[0].device) for row in rows])
    finite = batch.isfinite().reshape(len(batch), -1).all(dim=1)
    if not finite.all():
        bad = samples[int((~finite).nonzero()[0])]
        what = 'The prediction' if group == 'pred_instances' else 'The annotation'
        raise ValueError(f'{what} "{key}" of {sample_name(bad)} has NaN or infinite values')
    return batch
