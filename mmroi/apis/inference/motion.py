"""Identities, and if asked smoothing, over the frames of videos."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch

from mmroi.apis.inference.frames import Frame
from mmroi.apis.inference.smoothing import Values
from mmroi.body_models import SMPL
from mmroi.structures import HMRDataSample, Predictions

SMOOTHED = ('global_orient', 'body_pose', 'betas', 'camera_translation')


class Tracker(Protocol):
    """What gives identities in one video, such as ``IoUTracker``."""

    def update(self, bboxes: np.ndarray) -> np.ndarray:
        """Identities (P,) of the boxes (P, 4) of the next frame."""


Smoother = Callable[[int, float, Values], Values]


class Motion:
    """Sees the people of one frame after the other; every video starts anew.

    Args:
        body_model: Poses smoothed people anew.
        make_tracker: Makes what tells people apart in one video.
        make_smoother: Makes what smooths one video, such as ``OneEuro``; None leaves predictions as they are.
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
        """Give each person a ``track_id``, and smooths what the network said of those in a video.

        SMPL's parameters and ``camera_translation`` are smoothed, mesh and joints follow; the cameras of the
        RoIs stay as the network gave them.

        Args:
            frame: The next frame.
            samples: Its people, changed; on the CPU.
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
