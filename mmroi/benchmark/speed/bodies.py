"""Time of posing bodies: vertices and joints or joints alone, with and without gradients."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from mmroi.benchmark.speed.timing import take_turns, typical
from mmroi.body_models import SMPL
from mmroi.geometry import axis_angle_to_matrix


class BodyVariant(NamedTuple):
    """What is measured.

    Attributes:
        layer: ``mmroi`` or ``smplx``.
        bodies: N.
        output: ``mesh`` (vertices and joints) or ``joints``.
        backward: Whether gradients of pose and shape are computed.
    """

    layer: str
    bodies: int
    output: str
    backward: bool


def make_steps(
    layers: Mapping[str, SMPL], counts: Sequence[int], device: torch.device
) -> dict[BodyVariant, Callable[[], object]]:
    """Make the calls to measure, on random poses and shapes.

    Args:
        layers: Body models by layer, on the device.
        counts: Numbers of bodies N.
        device: Where the bodies are.

    Returns:
        The call of each variant.
    """
    combinations = itertools.product(layers, counts, ('mesh', 'joints'), (False, True))
    return {
        variant: _make_step(layers[variant.layer], variant, device)
        for variant in itertools.starmap(BodyVariant, combinations)
    }


def _make_step(body: SMPL, variant: BodyVariant, device: torch.device) -> Callable[[], object]:
    generator = torch.Generator().manual_seed(0)
    axis_angle = 0.5 * torch.randn(variant.bodies, 24, 3, generator=generator)
    rotations = axis_angle_to_matrix(axis_angle).to(device)
    betas = torch.randn(variant.bodies, body.num_betas, generator=generator).to(device)

    def pose() -> tuple[torch.Tensor, ...]:
        function = body.forward if variant.output == 'mesh' else body.forward_joints
        return function(rotations[:, :1], rotations[:, 1:], betas)

    if not variant.backward:
        return torch.no_grad()(pose)
    inputs = rotations.requires_grad_(), betas.requires_grad_()
    gradients = [torch.ones_like(output) for output in pose()]
    return lambda: torch.autograd.grad(pose(), inputs, gradients)


def measure_bodies(
    steps: Mapping[BodyVariant, Callable[[], object]],
    device: torch.device,
    seconds: float,
    rounds: int,
    cpu_time: bool = False,
) -> list[dict[str, Any]]:
    """Warm up all variants and measure them in turns.

    Args:
        steps: The call of each variant.
        device: Where they run.
        seconds: Length of a turn.
        rounds: Number of turns of each variant.
        cpu_time: Measure the CPU time of this process instead of wall time.

    Returns:
        A row for each variant: ``ms`` of a call, and how many times as fast as the first layer it is
        (``ratio``).
    """
    for step in steps.values():
        step()
    turns = take_turns(steps, device, seconds, rounds, cpu_time)
    times = {variant: typical(turns[variant]) for variant in steps}
    first = next(iter(steps)).layer
    return [
        dict(variant._asdict(), ms=1e3 * times[variant], ratio=times[variant._replace(layer=first)] / time)
        for variant, time in times.items()
    ]
