"""Refinement of data samples, in the form that estimators predict and metrics read."""

from collections.abc import Sequence

import numpy as np
import torch

from mmroi.models.refiners.keypoint_refiner import KeypointRefiner, Refinement
from mmroi.structures import SMPL_54, HMRDataSample, Predictions


def refine_samples(
    refiner: KeypointRefiner, samples: Sequence[HMRDataSample], keypoints: Sequence[np.ndarray | None]
) -> Refinement:
    """Refine the predictions of samples in place.

    Args:
        refiner: The refiner.
        samples: One person each, with ``pred_instances``, ``boxes`` and ``focal_length``; at least one. Their
            metainfo gets ``refinement``: a dict with the ``status`` of :class:`Refinement`, the median
            distance of the keypoints ``before`` and ``after`` it in pixels (NaN if there is none), the
            ``distances`` (54,) of all, and ``joint_std`` (24,) in meters.
        keypoints: (54, 3) of each, ``smpl_54``, pixels relative to the principal point and confidence; None
            where unknown.

    Returns:
        Refinement: Of all samples.
    """
    nothing = np.zeros((len(SMPL_54), 3))
    points = [nothing if own is None else np.asarray(own, np.float64) for own in keypoints]
    refined = refiner(
        Predictions.cat([sample.pred_instances for sample in samples]),
        torch.from_numpy(np.stack(points)),
        torch.from_numpy(np.stack([np.asarray(sample.boxes, np.float64) for sample in samples])),
        torch.tensor([float(sample.focal_length) for sample in samples], dtype=torch.float64),
    )
    for row, (sample, instances) in enumerate(zip(samples, refined.predictions.split(), strict=True)):
        sample.pred_instances = instances
        note = dict(
            status=refined.statuses[row],
            before=float(refined.before[row]),
            after=float(refined.after[row]),
            distances=refined.distances[row].cpu().numpy(),
            joint_std=refined.joint_std[row].cpu().numpy(),
        )
        sample.set_metainfo(dict(refinement=note))
    return refined
