"""MMDetection's inferencer with checked, local weights. Importing this module takes seconds."""

from pathlib import Path
from typing import Any

from mmdet.apis import DetInferencer
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch import nn

from mmroi.apis.inference.frames import BadInputError
from mmroi.fileio import read_state_dict
from mmroi.fileio.downloads import DownloadError, cache_path, fetch, locate

_INSTEAD = 'or use the detector that comes with this project (--det-model movenet), or give boxes (--bboxes)'


class Detector(DetInferencer):
    """A detector whose weights are on this machine, contain no code, and fit its config.

    Args:
        model: Name in MMDetection's model zoo, or a config file of MMDetection.
        weights: File or URL; None for those of the model zoo, which are downloaded if they are not cached.
        device: Device; None for the accelerator if there is one.

    Raises:
        BadInputError: If model or weights do not exist, cannot be downloaded or do not fit; says what to put
            where.
    """

    def __init__(self, model: str, weights: str | Path | None, device: str | None) -> None:
        self._named, self._given = model, weights
        if weights is None and Path(model).is_file():
            raise BadInputError(
                f'detector {model} is a config without weights; give them (det_weights, '
                f'--det-weights), {_INSTEAD}'
            )
        # DetInferencer changes the default scope to one in which our modules are not found.
        with DefaultScope.overwrite_default_scope('mmdet'):
            super().__init__(
                model,
                None if weights is None else _find(weights),
                device,
                palette='random',
                show_progress=False,
            )

    def _load_model_from_metafile(self, model: str) -> tuple[Config, str | None]:
        try:
            config, url = super()._load_model_from_metafile(model)
        except ValueError:
            raise BadInputError(
                f"detector {model} is neither a config file nor a model of MMDetection's "
                'model zoo; rtmdet-m is one'
            ) from None
        if self._given is not None:
            return config, None
        try:
            return config, str(fetch(url))
        except DownloadError as error:
            raise BadInputError(
                f'the weights of the detector {model} are not on this machine and cannot be downloaded '
                f'({error}): put {url} at {cache_path(url)}, or elsewhere and give its path (det_weights, '
                f'--det-weights), {_INSTEAD}'
            ) from None

    def _init_model(self, cfg: Any, weights: str, device: str) -> nn.Module:
        try:
            read_state_dict(weights)  # rejects files that would run code
            return super()._init_model(cfg, weights, device)
        except (FileNotFoundError, ValueError) as error:
            raise BadInputError(f'detector {self._named}: {error}') from None

    def _load_weights_to_model(self, model: nn.Module, checkpoint: Any, cfg: Any) -> None:
        found = {name: value.shape for name, value in checkpoint.get('state_dict', checkpoint).items()}
        wrong = [name for name, value in model.state_dict().items() if found.get(name) != value.shape]
        if wrong:
            raise ValueError(
                f'the weights do not fit the config: {wrong[0]} is missing or has another shape; '
                'give the config that they were trained with'
            )
        super()._load_weights_to_model(model, checkpoint, cfg)

    def _init_collate(self, cfg: Any) -> Any:
        """Skip MMEngine's lookup in a registry that MMDetection does not have, which warns."""
        return pseudo_collate

    def _init_visualizer(self, cfg: Any) -> None:
        """Create none: results are drawn elsewhere, and MMDetection's visualizer would take a global name."""


def _find(weights: str | Path) -> str:
    try:
        return str(locate(weights))
    except FileNotFoundError:
        raise BadInputError(
            f'detector weights {weights} do not exist or cannot be fetched; check the path'
        ) from None
