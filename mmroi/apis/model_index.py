"""Models by name, as ``model-index.yml`` lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.fileio import load

from mmroi.engine.pipelines import load_config
from mmroi.utils import installation
from mmroi.utils.config_names import find_config


@dataclass(frozen=True)
class IndexedModel:
    """A model of the index.

    Attributes:
        name: Name of the model.
        config: Absolute path of its config.
        weights: Absolute path of its checkpoint; None if the index names none.
        synthetic: Whether it learned 3D from synthetic images alone.
    """

    name: str
    config: Path
    weights: Path | None
    synthetic: bool = False


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


def find_model(name: str | Path) -> IndexedModel:
    """Find a model by its name or its config.

    Args:
        name: Path of a config, or a name of :func:`~mmroi.utils.config_names.find_config`, such as those of
            the index.

    Returns:
        The model. A config that is not in the index is one without weights.

    Raises:
        FileNotFoundError: If there is no such config; suggests similar names.
    """
    models = read_model_index()
    try:
        config = find_config(name)
    except FileNotFoundError as error:
        with_weights = ', '.join(model.name for model in models.values() if model.weights)
        words = str(error).removesuffix('?')
        raise FileNotFoundError(f'{words}; models with weights: {with_weights}') from None
    by_config = {model.config.resolve(): model for model in models.values()}
    return by_config.get(config.resolve(), IndexedModel(config.stem, config, None))


def load_indexed_config(name: str, pretrained: bool = False) -> Config:
    """Load a config by name, as ``mmengine.hub.get_config`` does for the packages that it knows.

    Args:
        name: As for :func:`find_model`.
        pretrained: Give the config ``model_path``, the checkpoint that the index names.

    Returns:
        The config, with its top-level numbers written to all its parts.

    Raises:
        FileNotFoundError: If there is no such config, or no checkpoint of it.
    """
    model = find_model(name)
    config = load_config(model.config)
    if pretrained:
        if model.weights is None:
            raise FileNotFoundError(f'model-index.yml names no weights for {model.name}')
        config.model_path = str(model.weights)
    return config


def limits_of(model: str | Path, weights: str | Path | None = None) -> str | None:
    """Say in one line what a user of a shipped checkpoint should know.

    Args:
        model: Name or config, as of ``MultiRoIInferencer``.
        weights: Checkpoint that the user gives; None for that of the index.

    Returns:
        The line; None for weights of the user, and for a model that learned from real images.
    """
    found = None if weights else find_model(model)
    if found is None or not found.synthetic:
        return None
    return (
        f'{found.name} learned 3D from synthetic images alone: trust its pose in the image more than depth, '
        'size and unusual poses; --model and --weights take others'
    )


def _read_models(root: Path) -> Iterator[IndexedModel]:
    for metafile in load(root / 'model-index.yml')['Import']:
        for model in load(root / metafile)['Models']:
            weights = model.get('Weights')
            data = model.get('Metadata', {}).get('Training Data')
            synthetic = isinstance(data, str) and data.startswith('Synthetic')
            path = root / weights if weights else None
            yield IndexedModel(model['Name'], root / model['Config'], path, synthetic)
