"""Checks of the options of a run, and how they are written down."""

import hashlib
import logging
import math
from numbers import Real
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmroi.apis.inference.frames import BadInputError
from mmroi.fileio.downloads import sha256_of


def check_numbers(batch_size: int, focal_length: float | None) -> None:
    """Check numbers of a run.

    Args:
        batch_size: Number of people.
        focal_length: Pixels.

    Raises:
        ValueError: One is out of range.
    """
    if batch_size < 1:
        raise ValueError(f'batch_size must be positive, not {batch_size}')
    if focal_length is None:
        return
    if not isinstance(focal_length, Real) or not 0 < focal_length < math.inf:
        raise ValueError(f'focal_length must be a positive number of pixels, not {focal_length!r}')


def check_smoothing(smooth: bool, window: bool, single_images: bool) -> None:
    """Check that there is one kind of smoothing over time at most, and something that moves.

    A window, which the inferencer has for all its calls, need not be used in each: without it a warning is
    enough.

    Args:
        smooth: Videos are to be smoothed.
        window: Frames of videos are to be refined together.
        single_images: Nothing among the inputs moves.

    Raises:
        BadInputError: Names the option and the remedy.
    """
    if smooth and window:
        raise BadInputError(
            'smooth (--smooth) and the window of refinement (--refine-window) both smooth videos: choose one'
        )
    useless = (
        'has no effect: the inputs are single images. If they are frames of a video, give its frame rate '
        '(fps, --fps); else leave the option out'
    )
    if single_images and smooth:
        raise BadInputError(f'smooth (--smooth) {useless}')
    if single_images and window:
        words = f'the window of refinement (--refine-window) {useless}'
        print_log(words, 'current', logging.WARNING)


def describe(option: Any) -> Any:
    """Describe a value of an option as JSON, so that equal ones are equal in another process.

    Args:
        option: A number, text, file, class, object or a container of these.

    Returns:
        Numbers and text as they are; of a file or folder a hash of its content; of a class its name.
    """
    if option is None or isinstance(option, bool | int | float):
        return option
    if isinstance(option, str | Path):
        path = Path(option)
        files = sorted(path.glob('*.json')) if path.is_dir() else [path] if path.is_file() else []
        digests = ''.join(map(sha256_of, files)).encode()
        return hashlib.sha256(digests).hexdigest()[:16] if files else str(option)
    if isinstance(option, dict):
        return {str(key): describe(value) for key, value in option.items()}
    if isinstance(option, list | tuple):
        return [describe(value) for value in option]
    return getattr(option, '__qualname__', type(option).__qualname__)
