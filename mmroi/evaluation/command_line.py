"""Arguments that the tools for saved results have in common."""

import argparse
import math
from typing import Any

from mmroi.engine.body_model import add_body_argument
from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.evaluation.protocols import GROUND_TRUTHS, PROTOCOLS


def positive_int(text: str) -> int:
    """Parse an integer above zero, as a ``type`` of ``argparse``.

    Raises:
        argparse.ArgumentTypeError: If it is not one.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, not {text}')
    return int(text)


def positive_float(text: str) -> float:
    """Parse a finite number above zero, as a ``type`` of ``argparse``.

    Raises:
        argparse.ArgumentTypeError: If it is not one.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f'must be a number above 0, not {text}')
    return value


def add_metric_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the protocol, its options, the body model, and the batch size."""
    parser.add_argument('--protocol', required=True, choices=sorted(PROTOCOLS))
    parser.add_argument('--gt', choices=sorted(GROUND_TRUTHS), help='ground truth of h36m_p1 and h36m_p2')
    parser.add_argument(
        '--other-cameras',
        choices=('refuse', 'skip'),
        default='refuse',
        help='what h36m_p2 does with images of other cameras',
    )
    add_body_argument(parser, 'the open body')
    parser.add_argument('--batch-size', type=positive_int, default=256)


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
