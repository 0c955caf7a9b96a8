"""Names and genders as raw downloads spell them."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from mmroi.body_models import normalize_gender


def texts(values: Iterable[Any]) -> np.ndarray:
    """Convert names of files to strings.

    Args:
        values: R strings or bytes, as files of Python 2 have them; bytes are names of the file system, which
            are UTF-8 on Linux.

    Returns:
        (R,) str.
    """
    return np.array([os.fsdecode(v) if isinstance(v, bytes) else str(v) for v in values], np.str_)


def gender_letters(values: Iterable[Any], where: str) -> np.ndarray:
    """Convert genders to letters.

    Args:
        values: R genders in any spelling, see :func:`mmroi.body_models.normalize_gender`.
        where: File and key, for the error message.

    Returns:
        (R,) str: 'm', 'f' or 'n'.

    Raises:
        ValueError: A gender is unknown; names the row.
    """
    letters = [normalize_gender(value, f'row {row} of {where}')[0] for row, value in enumerate(values)]
    return np.array(letters, np.str_)
