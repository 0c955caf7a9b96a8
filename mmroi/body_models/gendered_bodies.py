"""Neutral, male and female body models of one config, each built when it is first asked for."""

from torch import nn

from mmroi.body_models.body_files import GENDERS, find_body_file, has_genders
from mmroi.body_models.smpl import SMPL
from mmroi.registry import MODELS

_SPELLINGS = {
    **dict.fromkeys(('n', 'neutral', 'unknown', 'none', ''), 'neutral'),
    **dict.fromkeys(('m', 'male'), 'male'),
    **dict.fromkeys(('f', 'female'), 'female'),
}


def normalize_gender(gender: str | None, owner: str = '') -> str:
    """The name of a gender.

    Args:
        gender: In any spelling that data sets use: whole word or first letter, in any case; '', None and
            'unknown' are neutral.
        owner: Whose gender it is, for the message.

    Returns:
        str: ``'neutral'``, ``'male'`` or ``'female'``.

    Raises:
        ValueError: It is none of the three.
    """
    name = _SPELLINGS.get(str(gender).strip().lower())
    if name is None:
        of = f' of {owner}' if owner else ''
        raise ValueError(
            f'gender "{gender}"{of} is unknown; expected male, female, neutral or their first letters'
        )
    return name


class GenderedBodies(nn.Module):
    """A neutral body model, and those of the genders beside it.

    The latter come from the same config with another ``gender``, so its ``model_path`` must be the folder
    with ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``. A body without genders (the open body, a single file, a built
    model) serves everybody as it is.

    Args:
        body_model: Config of the neutral body model, or the model; the open body by default.

    Attributes:
        neutral: The neutral body model.

    Raises:
        FileNotFoundError: The neutral body's file is missing; names it.
    """

    def __init__(self, body_model: dict | SMPL | None = None) -> None:
        super().__init__()
        config = None if isinstance(body_model, SMPL) else dict(body_model or dict(type='SMPL'))
        self.neutral: SMPL = body_model if isinstance(body_model, SMPL) else MODELS.build(config)
        path = config.get('model_path') if config else None
        self._config = config if has_genders(path) else None
        self._models = nn.ModuleDict()

    @property
    def has_genders(self) -> bool:
        """Whether male and female bodies can lie beside the neutral one."""
        return self._config is not None

    def find_missing(self) -> dict[str, FileNotFoundError]:
        """Genders whose body's file is not in the folder.

        Returns:
            dict: The error that building such a body would raise, by gender; empty without a folder.
        """
        missing = {}
        for gender in GENDERS if self._config is not None else ():
            try:
                find_body_file(self._config['model_path'], gender)  # type: ignore[index]
            except FileNotFoundError as error:
                missing[gender] = error
        return missing

    def get(self, gender: str) -> SMPL:
        """The body of a gender, on the device of the neutral one.

        Args:
            gender: ``'neutral'``, ``'male'`` or ``'female'``.

        Returns:
            SMPL: The neutral one where the body has no genders.

        Raises:
            FileNotFoundError: The body's file is missing; names it.
        """
        if self._config is None or gender == 'neutral':
            return self.neutral
        if gender not in self._models:
            self._models[gender] = MODELS.build({**self._config, 'gender': gender})
        return self._models[gender].to(self.neutral.mean_betas.device)  # type: ignore[return-value]
