"""The choice of a detector: what the user names, else the best one whose weights are on this machine."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.movenet_people import MoveNetPeople
from mmroi.apis.inference.people import DetectedPeople, People
from mmroi.fileio.downloads import cache_path
from mmroi.utils.device import choose_device
from mmroi.utils.errors import UserError

MOVENET, RTMDET = 'movenet', 'rtmdet-m'
# MMDetection's; a look-up in its model zoo would import MMDetection, which takes seconds.
RTMDET_WEIGHTS = 'rtmdet_m_8xb32-300e_coco_20220719_112220-229f527c.pth'

PeopleFinder = Callable[[Sequence[Frame]], list[People]]


def detector_name(model: str | None = None, weights: str | Path | None = None, **_options: Any) -> str:
    """Return the detector that :func:`make_detector` makes for a model and weights."""
    return model or (RTMDET if weights or cache_path(RTMDET_WEIGHTS).is_file() else MOVENET)


def make_detector(
    model: str | None = None,
    weights: str | Path | None = None,
    score_thr: float | None = None,
    device: str | None = None,
    size: int | None = None,
) -> PeopleFinder:
    """Make a detector of people.

    Args:
        model: ``'movenet'`` for the detector that comes with the project, else a name in MMDetection's model
            zoo or one of its config files. By default RTMDet-m if its weights are given or have been
            downloaded, else ``'movenet'``.
        weights: File or URL; by default the model's own.
        score_thr: Lowest score of a person; by default the detector's own.
        device: Device; by default the accelerator if there is one.
        size: Maximum long side of MoveNet's input, pixels; by default its own.

    Returns:
        A callable that finds the people in frames.

    Raises:
        BadInputError: Model or weights do not exist, cannot be downloaded or do not fit; or ``size`` is given
            for another detector than MoveNet.
        UserError: PyTorch has no such device here, or ``score_thr`` is no score.
    """
    model = detector_name(model, weights)
    device = str(choose_device(device))
    if score_thr is not None and not 0 <= score_thr <= 1:
        raise UserError(f'det_score_thr (--det-score) must be from 0 to 1, not {score_thr:g}')
    threshold: dict[str, Any] = {} if score_thr is None else dict(score_thr=score_thr)
    if model == MOVENET:
        return MoveNetPeople(weights, device, max_size=size, **threshold)
    if size is not None:
        raise BadInputError(
            f'the size of the input (det_size, --det-size) is an option of movenet; {model} takes it from '
            'its config. Choose --det-model movenet, or a config with another size'
        )
    return DetectedPeople(model, weights, device, **threshold)
