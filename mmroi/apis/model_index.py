"""Models by name, as ``model-index.yml`` lists them."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.fileio import load

from mmroi.utils import installation


@dataclass(frozen=True)
class IndexedModel:
    """A model of the index.

    Attributes:
        name: Name of the model.
        config: Absolute path of its config.
        weights: Absolute path of its checkpoint; None if the index names none.
    """

    name: str
    config: Path
    weights: Path | None


def read_model_index() -> dict[str, IndexedModel]:
    """Read the index of this copy of the project.

    MMEngine's own lookup only covers packages of the OpenMMLab family.

    Returns:
        The models by name, in the order of the index.

    Raises:
        FileNotFoundError: If this copy has no index.
    """
    for root in installation.ROOTS:
        if (root / 'model-index.yml').is_file():
            return {model.name: model for model in _read_models(root)}
    raise FileNotFoundError(
        f'model-index.yml is {installation.not_in_roots()}; give a config file instead of a name'
    )


def find_model(name: str) -> IndexedModel:
    """Find a model by name; upper and lower case are the same.

    Args:
        name: Name in the index.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If the index has no such model; suggests similar names.
    """
    models = read_model_index()
    by_lower_case = {key.lower(): model for key, model in models.items()}
    if name.lower() in by_lower_case:
        return by_lower_case[name.lower()]
    with_weights = ', '.join(model.name for model in models.values() if model.weights)
    if Path(name).suffix == '.py':
        raise FileNotFoundError(f'config {name} does not exist; models with weights: {with_weights}')
    similar = [by_lower_case[key].name for key in difflib.get_close_matches(name.lower(), by_lower_case, 3)]
    hint = f'did you mean {" or ".join(similar)}?' if similar else f'models with weights: {with_weights}'
    raise FileNotFoundError(f'there is no config file and no model {name!r} in model-index.yml; {hint}')


def _read_models(root: Path) -> Iterator[IndexedModel]:
    for metafile in load(root / 'model-index.yml')['Import']:
        for model in load(root / metafile)['Models']:
            weights = model.get('Weights')
            yield IndexedModel(model['Name'], root / model['Config'], root / weights if weights else None)
