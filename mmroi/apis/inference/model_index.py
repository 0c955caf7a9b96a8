"""Model names of the project's own ``model-index.yml``; MMEngine looks only into its own family's packages."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.fileio import load

from mmroi.apis.shipped import ROOTS


@dataclass(frozen=True)
class IndexedModel:
    """One model of the index.

    Attributes:
        name: Its name.
        config: Absolute path of its config.
        weights: Absolute path of the weights that the index names; None if it names none.
    """

    name: str
    config: Path
    weights: Path | None


def read_model_index() -> dict[str, IndexedModel]:
    """Read the index of this copy of the project.

    Returns:
        The models by name, in the order of the index.

    Raises:
        FileNotFoundError: If this copy has no index.
    """
    for root in ROOTS:
        if (root / 'model-index.yml').is_file():
            return {model.name: model for model in _models(root)}
    raise FileNotFoundError(
        f'model-index.yml is neither in {ROOTS[0]} nor in {ROOTS[1]}; name a config file instead of a model'
    )


def find_model(name: str) -> IndexedModel:
    """Find a model by name, upper or lower case.

    Args:
        name: As in the index.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If the index has no such model; names those most alike.
    """
    models = read_model_index()
    by_lower_case = {key.lower(): model for key, model in models.items()}
    if name.lower() in by_lower_case:
        return by_lower_case[name.lower()]
    if Path(name).suffix == '.py':
        raise FileNotFoundError(f'config {name} does not exist')
    alike = [by_lower_case[key].name for key in difflib.get_close_matches(name.lower(), by_lower_case, 3)]
    with_weights = [model.name for model in models.values() if model.weights]
    known = f'do you mean {" or ".join(alike)}?' if alike else f'with weights come {", ".join(with_weights)}'
    raise FileNotFoundError(f'there is no config file and no model {name!r} in model-index.yml; {known}')


def _models(root: Path) -> Iterator[IndexedModel]:
    for metafile in load(root / 'model-index.yml')['Import']:
        for model in load(root / metafile)['Models']:
            weights = model.get('Weights')
            yield IndexedModel(model['Name'], root / model['Config'], root / weights if weights else None)
