"""Smoothing of what the network says of a person from frame to frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import roma
import torch

Values = Mapping[str, np.ndarray]


@dataclass
class _State:
    time: float
    value: np.ndarray
    speed: np.ndarray


@dataclass(frozen=True)
class _Space:
    """How values differ and move: straight, or on the sphere of rotations."""

    difference: Callable[[np.ndarray, np.ndarray], np.ndarray]
    move: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _turn(origin: np.ndarray, target: np.ndarray) -> np.ndarray:
    relative = torch.from_numpy(np.swapaxes(origin, -1, -2) @ target)
    return roma.rotmat_to_rotvec(relative).numpy()


def _turned(origin: np.ndarray, turn: np.ndarray) -> np.ndarray:
    return origin @ roma.rotvec_to_rotmat(torch.from_numpy(turn)).numpy()


_FLAT = _Space(lambda origin, target: target - origin, lambda origin, step: origin + step)
_ROTATIONS = _Space(_turn, _turned)


class OneEuro:
    """One-euro filter (Casiez et al., CHI 2012) for the arrays of each tracked person.

    A low-pass filter whose cut-off frequency rises with speed: what rests does not tremble, what moves fast
    does not lag. The cut-off is ``min_cutoff + beta * speed`` in Hz; the speed, itself low-passed at
    ``speed_cutoff``, is the length of the derivative along the last axis of an array (a vector has one
    cut-off, whatever the axes of the camera are), in units of the array per second. Rotations are filtered on
    SO(3): differences are rotation vectors, speeds rad/s.

    Args:
        min_cutoff: Hz; lower it until a resting person does not tremble.
        beta: 1 / unit; raise it until a moving person does not lag.
        speed_cutoff: Hz.
        rotations: Names of the arrays that are rotation matrices (..., 3, 3).
        max_gap: Seconds after which a person that was not seen starts anew and is forgotten.
    """

    def __init__(
        self,
        min_cutoff: float = 1.0,
        beta: float = 1.0,
        speed_cutoff: float = 1.0,
        rotations: Sequence[str] = ('global_orient', 'body_pose'),
        max_gap: float = 1.0,
    ) -> None:
        self._min_cutoff, self._beta, self._speed_cutoff = min_cutoff, beta, speed_cutoff
        self._rotations = frozenset(rotations)
        self._max_gap = max_gap
        self._states: dict[int, dict[str, _State]] = {}

    def __call__(self, track_id: int, time: float, values: Values) -> dict[str, np.ndarray]:
        """Take in what was found of a person in the next frame.

        Args:
            track_id: Identity of the person.
            time: Seconds; later than the person's last one.
            values: Arrays (..., D) or rotation matrices (..., 3, 3) by name, of the same shapes each time.

        Returns:
            dict[str, np.ndarray]: The same, smoothed; float64.

        Raises:
            ValueError: The time is not later than the one before.
        """
        self._states = {
            track: states
            for track, states in self._states.items()
            if all(time - state.time <= self._max_gap for state in states.values())
        }
        states = self._states.setdefault(track_id, {})
        for name, value in values.items():
            states[name] = self._filter(
                states.get(name),
                time,
                np.asarray(value, np.float64),
                _ROTATIONS if name in self._rotations else _FLAT,
            )
        return {name: states[name].value.copy() for name in values}

    def _filter(self, last: _State | None, time: float, value: np.ndarray, space: _Space) -> _State:
        if last is None:
            return _State(time, value, np.zeros_like(space.difference(value, value)))
        interval = time - last.time
        if interval <= 0:
            raise ValueError(f'frames must follow each other: {time} s after {last.time} s')
        step = space.difference(last.value, value)
        speed = last.speed + _weight(self._speed_cutoff, interval) * (step / interval - last.speed)
        cutoff = self._min_cutoff + self._beta * np.linalg.norm(speed, axis=-1, keepdims=True)
        return _State(time, space.move(last.value, _weight(cutoff, interval) * step), speed)


def _weight(cutoff: np.ndarray | float, interval: float) -> np.ndarray | float:
    """Share of the new value in a low-pass of first order."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * interval))
