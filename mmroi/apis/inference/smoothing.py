"""Identities over the frames of a video, and smoothing of each person's predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import roma
import torch

from mmroi.apis.inference.frames import Frame
from mmroi.body_models import SMPL
from mmroi.structures import HMRDataSample, Predictions

SMOOTHED = ('global_orient', 'body_pose', 'betas', 'camera_translation')

Values = Mapping[str, np.ndarray]
Smoother = Callable[[int, float, Values], Values]


@dataclass
class _State:
    time: float
    value: np.ndarray
    speed: np.ndarray


@dataclass(frozen=True)
class _Space:
    """Differences and steps of values: in a vector space, or on SO(3)."""

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

    A low-pass filter whose cut-off frequency rises with speed: it removes jitter at rest and lags little in
    fast motion. The cut-off is ``min_cutoff + beta * speed`` in Hz. The speed is the norm of the derivative
    along the last axis of an array, low-passed at ``speed_cutoff``, in units of the array per second; a
    vector thus has one cut-off, independent of the axes. Rotations are filtered on SO(3): differences are
    rotation vectors, speeds are in rad/s.

    Args:
        min_cutoff: Hz; lower it to reduce jitter at rest.
        beta: 1 / unit; raise it to reduce lag in motion.
        speed_cutoff: Hz.
        rotations: Names of the arrays that are rotation matrices (..., 3, 3).
        max_gap: Seconds without a detection after which the state of a person is dropped.
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
        """Filter the values of a person in the next frame.

        Args:
            track_id: Identity of the person.
            time: Seconds; must increase from call to call for a person.
            values: Arrays (..., D) or rotation matrices (..., 3, 3) by name; shapes stay the same.

        Returns:
            The filtered arrays, float64.

        Raises:
            ValueError: If the time did not increase.
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
    """Return the weight of the new value in a first-order low-pass filter."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * interval))


class Tracker(Protocol):
    """Assigns identities in one video, such as ``IoUTracker``."""

    def update(self, bboxes: np.ndarray) -> np.ndarray:
        """Return the identities (P,) of the boxes (P, 4) of the next frame."""


class Motion:
    """Tracks people through frames and optionally smooths their predictions; state is reset for each video.

    Args:
        body_model: Computes mesh and joints from smoothed parameters.
        make_tracker: Returns a new tracker; called for each video.
        make_smoother: Returns a new smoother such as ``OneEuro``; called for each video. None does not
            smooth.
    """

    def __init__(
        self,
        body_model: SMPL,
        make_tracker: Callable[[], Tracker],
        make_smoother: Callable[[], Smoother] | None = None,
    ) -> None:
        self._body_model = body_model
        self._make_tracker = make_tracker
        self._make_smoother = make_smoother
        self._video: str | None = None

    def __call__(self, frame: Frame, samples: Sequence[HMRDataSample]) -> None:
        """Set the ``track_id`` of each person, and smooth the predictions for videos.

        Smooths the SMPL parameters and ``camera_translation`` and updates mesh and joints. The cameras of the
        RoIs are left as predicted.

        Args:
            frame: The next frame.
            samples: Its people on the CPU, changed in place.
        """
        if frame.video is None:
            ids: Sequence[int] = range(len(samples))
        else:
            if frame.video != self._video:
                self._tracker = self._make_tracker()
                self._smoother = self._make_smoother() if self._make_smoother else None
            ids = self._tracker.update(np.array([sample.bbox for sample in samples]).reshape(-1, 4)).tolist()
        self._video = frame.video
        for sample, number in zip(samples, ids, strict=True):
            sample.set_metainfo(dict(track_id=number))
            if frame.video is not None and self._smoother:
                assert frame.time is not None
                self._smooth(self._smoother, frame.time, sample)

    @torch.no_grad()
    def _smooth(self, smoother: Smoother, time: float, sample: HMRDataSample) -> None:
        predicted = Predictions.from_instances(sample.pred_instances)
        values = smoother(
            sample.track_id, time, {name: getattr(predicted, name)[0].numpy() for name in SMOOTHED}
        )
        smoothed = {name: torch.as_tensor(values[name], dtype=torch.float32)[None] for name in SMOOTHED}
        device = self._body_model.mean_betas.device
        body = self._body_model(*(smoothed[name].to(device) for name in SMOOTHED[:3]))
        sample.pred_instances = replace(
            predicted,
            vertices=body.vertices.cpu(),
            joints3d=body.joints.cpu(),
            joints_h36m=body.joints_h36m.cpu(),
            **smoothed,
        ).to_instances()
