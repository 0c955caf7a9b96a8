"""Refinement of data samples, in the form that estimators predict and metrics read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmroi.models.refiners.keypoint_refiner import FEW_KEYPOINTS, KeypointRefiner
from mmroi.structures import HMRDataSample, Predictions


def refine_samples(
    refiner: KeypointRefiner, samples: Sequence[HMRDataSample], keypoints: Sequence[np.ndarray | None]
) -> None:
    """Refine the predictions of samples in place.

    Args:
        refiner: The refiner.
        samples: One person each, with ``pred_instances``, ``boxes`` and ``focal_length``. Their metainfo gets
            ``refinement``: a dict with the ``status`` of :class:`Refinement`, and the median distance of the
            keypoints ``before`` and ``after`` it in pixels (NaN if there is none).
        keypoints: (54, 3) of each, ``smpl_54``, pixels relative to the principal point and confidence; None
            where unknown.
    """
    known = [row for row, points in enumerate(keypoints) if points is not None]
    for sample in samples:
        _note(sample, FEW_KEYPOINTS, np.nan, np.nan)
    if not known:
        return
    chosen = [samples[row] for row in known]
    refined = refiner(
        Predictions.cat([sample.pred_instances for sample in chosen]),
        torch.from_numpy(np.stack([np.asarray(keypoints[row], np.float64) for row in known])),
        torch.from_numpy(np.stack([np.asarray(sample.boxes, np.float64) for sample in chosen])),
        torch.tensor([float(sample.focal_length) for sample in chosen], dtype=torch.float64),
    )
    each = zip(
        chosen,
        refined.predictions.split(),
        refined.statuses,
        refined.before.tolist(),
        refined.after.tolist(),
        strict=True,
    )
    for sample, instances, status, before, after in each:
        sample.pred_instances = instances
        _note(sample, status, before, after)


def _note(sample: HMRDataSample, status: str, before: float, after: float) -> None:
    note: dict[str, Any] = dict(status=status, before=before, after=after)
    sample.set_metainfo(dict(refinement=note))
