"""Windows of frames: derivatives, motions that stay as they are, and jitter."""

import pytest
import roma
import torch
from torch import Tensor

from mmroi.models.refiners import BodyState, MotionWindow

COUNT = 9


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def steady(times: Tensor) -> BodyState:
    """Every joint turns at constant speed, and the body walks towards the camera."""
    first, speeds = roma.rotvec_to_rotmat(numbers(24, 3)), 2 * numbers(24, 3, seed=1)
    rotations = first @ roma.rotvec_to_rotmat(times[:, None, None] * speeds)
    translation = torch.tensor([0.2, 0.1, 5.0]) + times[:, None] * torch.tensor([0.5, 0.0, -1.5])
    return BodyState.start(rotations, numbers(1, 10, seed=2).expand(len(times), -1), translation.double())


@pytest.fixture
def times() -> Tensor:
    """Frames of a phone, whose rate varies."""
    return torch.arange(COUNT, dtype=torch.float64) / 30 + 0.005 * numbers(COUNT).clamp(-1, 1)


@pytest.fixture
def information() -> Tensor:
    factor = torch.eye(85, dtype=torch.float64) + 0.05 * numbers(COUNT, 85, 85)
    return 200 * factor @ factor.mT


def turns(one: BodyState, other: BodyState) -> Tensor:
    """Angles (T, 24) between joints, radians."""
    return roma.rotmat_to_rotvec(one.rotations.mT @ other.rotations).norm(dim=-1)


def accelerations(state: BodyState) -> Tensor:
    speeds = roma.rotmat_to_rotvec(state.rotations[:-1].mT @ state.rotations[1:])
    return speeds.diff(dim=0).norm(dim=-1).mean()


def test_a_motion_of_constant_velocity_stays_as_it_is(times: Tensor, information: Tensor) -> None:
    motion = steady(times)
    found = MotionWindow(turn=0.1, shift=0.01)(motion, information, times)
    assert turns(motion, found).max() < 1e-6
    torch.testing.assert_close(found.translation, motion.translation, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.betas, motion.betas)


def test_derivatives_are_exact(times: Tensor) -> None:
    window, state = MotionWindow(), steady(times).step(0.1 * numbers(COUNT, 85))
    step = 1e-6 * numbers(COUNT, 85, seed=3)
    for number, (_, jacobian) in enumerate(window._terms(state, times)):
        ahead, behind = (window._terms(state.step(sign * step), times)[number][0] for sign in (1, -1))
        torch.testing.assert_close((ahead - behind) / 2, jacobian @ step.flatten(), atol=1e-9, rtol=1e-4)


def test_jitter_and_errors_are_lower(times: Tensor, information: Tensor) -> None:
    motion = steady(times)
    noisy = motion.step(0.05 * numbers(COUNT, 85, seed=4))
    found = MotionWindow()(noisy, information, times)
    assert accelerations(found) < 0.2 * accelerations(noisy)
    assert turns(motion, found).mean() < 0.7 * turns(motion, noisy).mean()
    assert found.betas.std(0).mean() < 0.5 * noisy.betas.std(0).mean()
    off, kept = (x.translation - motion.translation for x in (noisy, found))
    assert kept.norm(dim=1).mean() < 0.8 * off.norm(dim=1).mean()


def test_a_frame_that_knows_nothing_follows_the_others(times: Tensor, information: Tensor) -> None:
    motion, lost = steady(times), torch.zeros(COUNT, 85, dtype=torch.float64)
    lost[4] = 0.5 * numbers(85)
    information[4] *= 1e-4
    found = MotionWindow()(motion.step(lost), information, times)
    assert turns(motion, found)[4].mean() < 0.1 * turns(motion, motion.step(lost))[4].mean()


def test_the_frame_rate_does_not_matter() -> None:
    """Twice as many frames that know half as much each."""
    found = []
    for rate in (30, 60):
        count = 8 * rate // 30 + 1
        times = torch.arange(count, dtype=torch.float64) / rate
        waving = steady(times).step(0.3 * torch.sin(20 * times)[:, None] * numbers(1, 85))
        information = (200 * 30 / rate * torch.eye(85, dtype=torch.float64)).repeat(count, 1, 1)
        found.append(turns(waving, MotionWindow()(waving, information, times))[count // 2])
    torch.testing.assert_close(found[0], found[1], atol=0.01, rtol=0.15)


def test_a_single_frame_is_left_alone(information: Tensor) -> None:
    state = steady(torch.zeros(1, dtype=torch.float64))
    assert MotionWindow()(state, information[:1], torch.zeros(1)) is state
