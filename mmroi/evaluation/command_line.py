"""The metric that a command line describes."""

import argparse
from typing import Any

from mmroi.evaluation.mesh_metric import MeshMetric


def build_metric(args: argparse.Namespace, **options: Any) -> MeshMetric:
    """Build the metric that the arguments describe.

    Args:
        args: Parsed by a parser with ``add_metric_arguments``.
        options: More arguments of ``MeshMetric``.
    """
    return MeshMetric(
        args.protocol,
        dict(type='SMPL', model_path=args.body_model),
        gt=args.gt,
        other_cameras=args.other_cameras,
        **options,
    )
