"""How far predictions depend on device, precision and mode."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmroi.benchmark.speed.inference import MakeBatch, Networks, Variant
from mmroi.benchmark.speed.modes import with_mode
from mmroi.benchmark.speed.networks import prediction_step
from mmroi.structures import Predictions


def measure_numerics(
    networks: Networks,
    batches: MakeBatch,
    device: torch.device,
    batch_size: int,
    precisions: Sequence[str],
    modes: Sequence[str],
) -> list[dict[str, Any]]:
    """Compare predictions with those of the CPU in float32, of the same networks and crops.

    Args:
        networks: By name and number of RoIs, on the CPU; moved to the device.
        batches: Gives the batches.
        device: Where they run.
        batch_size: Number of people.
        precisions: Of ``NUMERICS``. ``fp32``: float32 throughout. ``tf32``: convolutions in TF32 where the
            GPU has it, PyTorch's default. ``bf16``: autocast.
        modes: See ``parse_mode``.

    Returns:
        A row for each combination, with the numbers of :func:`largest_differences`.
    """
    cpu = torch.device('cpu')
    expected = {
        (name, rois): _predict(network, batches, Variant(name, rois, batch_size, 'fp32', 'eager'), cpu)
        for (name, rois), network in networks.items()
    }
    rows = []
    for (name, rois), network in networks.items():
        network.to(device)
        for precision, mode in itertools.product(precisions, modes):
            variant = Variant(name, rois, batch_size, precision, mode)
            found = _predict(network, batches, variant, device)
            rows.append(dict(variant._asdict(), **largest_differences(found, expected[name, rois])))
    return rows


def largest_differences(found: Predictions, expected: Predictions) -> dict[str, float]:
    """Compare predictions of the same persons.

    Args:
        found: Predictions.
        expected: What they are compared with.

    Returns:
        The largest differences: of ``local_cameras`` and ``betas``; ``camera_translation``, relative to the
        distance of the body; ``vertices_mm``, the distance of a vertex.
    """

    def distance(name: str) -> Tensor:
        return (getattr(found, name).cpu() - getattr(expected, name)).norm(dim=-1)

    return dict(
        local_cameras=float((found.local_cameras.cpu() - expected.local_cameras).abs().max()),
        betas=float((found.betas.cpu() - expected.betas).abs().max()),
        camera_translation=float(
            (distance('camera_translation') / expected.camera_translation.norm(dim=-1)).max()
        ),
        vertices_mm=1e3 * float(distance('vertices').max()),
    )


def _predict(network: Any, batches: MakeBatch, variant: Variant, device: torch.device) -> Predictions:
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = variant.precision == 'tf32'
    try:
        step = prediction_step(
            with_mode(network, variant.mode),
            lambda: batches(variant.batch, variant.rois),
            device,
            bf16=variant.precision == 'bf16',
        )
        step()  # a graph replays only from the second call on
        samples: Any = step()
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
    return Predictions.cat([sample.pred_instances for sample in samples])
