"""Neutral, male and female body models of one config, each built on first use."""

import numbers
from typing import Any

import numpy as np
from torch import nn

from mmroi.body_models.body_files import GENDERS, find_body_file, has_genders
from mmroi.body_models.smpl import SMPL
from mmroi.registry import MODELS

# SPIN and its successors number them.
_SPELLINGS = {
    **dict.fromkeys(('n', 'neutral', 'unknown', 'none', '', 'nan', '-1'), 'neutral'),
    **dict.fromkeys(('m', 'male', '0'), 'male'),
    **dict.fromkeys(('f', 'female', '1'), 'female'),
}


def normalize_gender(gender: Any, owner: str = '') -> str:
    """Normalize the name of a gender.

    Args:
        gender: Any spelling found in datasets: the word or its first letter, in any case, as string or bytes;
            SPIN's numbers, 0 for male, 1 for female and -1 for unknown. ``''``, None, NaN and ``'unknown'``
            are neutral.
        owner: Whose gender it is, for the error message.

    Returns:
        ``'neutral'``, ``'male'`` or ``'female'``.

    Raises:
        ValueError: If the spelling is unknown.
    """
    if isinstance(gender, np.ndarray) and gender.size == 1:
        gender = gender.item()
    text = gender.decode('latin1') if isinstance(gender, bytes) else str(gender)
    number = isinstance(gender, numbers.Real) and not isinstance(gender, bool | np.bool_)
    name = _SPELLINGS.get(f'{float(gender):g}' if number else text.strip().lower())
    if name is None:
        of = f' of {owner}' if owner else ''
        raise ValueError(
            f'gender "{text}"{of} is unknown; expected male, female, neutral or their first letters, '
            'or 0, 1 and -1 in this order'
        )
    return name


class GenderedBodies(nn.Module):
    """A neutral body model and its male and female counterparts.

    The counterparts are built from the same config with another ``gender``, so its ``model_path`` must be a
    folder with ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``. A body without genders (the open body, a single file, or a
    model that is already built) is used for all genders.

    Args:
        body_model: Config of the neutral body model, or the model itself; the open body by default.

    Attributes:
        neutral: The neutral body model.

    Raises:
        FileNotFoundError: If the file of the neutral body is missing.
    """

    def __init__(self, body_model: dict[str, Any] | SMPL | None = None) -> None:
        super().__init__()
        config = None if isinstance(body_model, SMPL) else dict(body_model or dict(type='SMPL'))
        self.neutral: SMPL = body_model if isinstance(body_model, SMPL) else MODELS.build(config)
        path = config.get('model_path') if config else None
        self._config = config if has_genders(path) else None
        self._models = nn.ModuleDict()

    @property
    def has_genders(self) -> bool:
        """Whether male and female bodies differ from the neutral one."""
        return self._config is not None

    def find_missing(self) -> dict[str, FileNotFoundError]:
        """Find the genders whose body file is missing in the folder.

        Returns:
            For each such gender, the error that building its body would raise; empty without a folder.
        """
        missing = {}
        for gender in GENDERS if self._config is not None else ():
            try:
                find_body_file(self._config['model_path'], gender)  # type: ignore[index]
            except FileNotFoundError as error:
                missing[gender] = error
        return missing

    def get(self, gender: str) -> SMPL:
        """Return the body of a gender, on the device of the neutral one.

        Args:
            gender: ``'neutral'``, ``'male'`` or ``'female'``.

        Returns:
            The body model; the neutral one if the body has no genders.

        Raises:
            FileNotFoundError: If the file of that body is missing.
        """
        if self._config is None or gender == 'neutral':
            return self.neutral
        if gender not in self._models:
            self._models[gender] = MODELS.build({**self._config, 'gender': gender})
        return self._models[gender].to(self.neutral.mean_betas.device)  # type: ignore[return-value]
