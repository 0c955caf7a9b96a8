"""Profiles: the scale at which a suite is run, from minutes on a CPU to the configs as they are."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from mmroi.benchmark.project_files import PROFILES, check_keys, find_data
from mmroi.benchmark.suites import Row, Suite
from mmroi.engine.body_model import needed_body_files
from mmroi.engine.crop_settings import CropSettings
from mmroi.engine.epochs import set_epochs
from mmroi.engine.pipelines import load_config, read_crops, read_num_rois, set_crops, set_num_rois
from mmroi.fileio.named_errors import name_errors
from mmroi.models.necks.grid_neck import GRID
from mmroi.utils.config_names import find_config

KEYS = ('title', 'seeds', 'amp', 'synthetic', 'settings', 'max_epochs', 'overrides')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# The fields of a config that MMEngine and train.py read; the others are variables of the file. Without its
# visualizer, a run logs to the same files.
FIELDS = {*inspect.signature(Runner).parameters, 'custom_imports', 'feature_cache'} - {'visualizer'}
# The others, such as MMHuman3D's, keep their width.
OWN_HEADS = ('CLIFFHead', 'MultiRoIHead', 'PerRoIMeshHead')
KEPT_OF_ENCODER = ('type', 'crop_size', 'roi_stage')  # whether RoIs share a map, and which
NUM_ROIS_OF_SPREAD = 5  # the paper's M, over which the cameras of networks with one RoI are compared


def load_profile(name: str) -> Config:
    """Read a profile.

    Args:
        name: Name of a built-in profile, or the path of a YAML or Python file.

    Returns:
        The profile: ``title``, ``seeds``, ``amp``, and optionally

        * ``synthetic``: the synthetic dataset, or a list of them, that is made, and that all rows are trained
          and tested on;
        * ``settings``: a config; all rows get its data, schedule, hooks, feature cache, encoder, heatmap
          head, preprocessor, and body model;
        * ``max_epochs``: length of a training, also for the schedulers;
        * ``overrides``: as those of ``--cfg-options``, for rows that have the part.

    Raises:
        FileNotFoundError: If there is no such profile.
        ValueError: If it has an unknown key.
    """
    path = find_data(PROFILES, name)
    with name_errors(path, remedy='Correct it'):
        profile = Config.fromfile(path, import_custom_modules=False)
    check_keys(path, profile.keys(), KEYS)
    return profile


def synthetic_sets(profile: Config) -> list[ConfigDict]:
    """Return the synthetic datasets of a profile: none, one, or several."""
    sets = profile.get('synthetic', [])
    return [sets] if isinstance(sets, Mapping) else list(sets)


def choose_profile(suite: Suite, synthetic: bool, quick: bool) -> str:
    """Choose the profile that fits the machine.

    Args:
        suite: The suite.
        synthetic: Use synthetic images even if the real ones are present.
        quick: Use the smallest profile.

    Returns:
        The suite's own profile if it names one; ``real`` if all datasets of the suite are present; otherwise
        the largest synthetic one.
    """
    if quick:
        return 'quick'
    if suite.profile:
        return suite.profile
    configs = [read_config(find_config(c)) for row in suite.rows for c in (row.config, row.finetune) if c]
    if not synthetic and not any(missing_files(config) for config in configs):
        return 'real'
    return 'gpu-synthetic' if torch.cuda.is_available() else 'cpu'


def missing_files(config: Config, *stages: str) -> list[str]:
    """Find the annotation and body model files that a config needs and that do not exist.

    Args:
        config: The config of a row.
        *stages: Those of ``train``, ``val`` and ``test`` that it has; all by default.

    Returns:
        Their paths.
    """
    files: set[Path] = set()
    stages = stages or ('train', 'val', 'test')
    for stage in stages:
        files.update(annotation_files(config[f'{stage}_dataloader'].dataset))
    files.update(needed_body_files(config, *stages))
    return sorted(str(path) for path in files if not path.is_file())


def annotation_files(dataset: Mapping[str, Any], **inherited: str) -> Iterator[Path]:
    """List the annotation files of a dataset, or of those that it contains or wraps.

    Args:
        dataset: Its config.
        **inherited: ``data_root`` and ``ann_file`` that a mixture gives its parts.

    Yields:
        Their paths.
    """
    own = {**inherited, **{key: dataset[key] for key in ('data_root', 'ann_file') if key in dataset}}
    if parts := dataset.get('datasets') or [dataset[key] for key in ('dataset',) if key in dataset]:
        for part in parts:
            yield from annotation_files(part, **own)
    elif 'ann_file' in own:
        yield Path(own.get('data_root', ''), own['ann_file'])


def stage_configs(row: Row, profile: Config, seed: int) -> dict[str, Config]:
    """Make the configs of a row's trainings, in order.

    Args:
        row: The row.
        profile: The profile.
        seed: Random seed: all rows see the same people in the same order.

    Returns:
        Configs by stage: ``train`` and, on real data if the row has it, ``finetune``. Empty for a row with a
        checkpoint.

    Raises:
        ValueError: The row overrides a part that its config does not have under this profile.
    """
    if row.checkpoint:
        return {}
    stages = dict(train=row.config) | ({'finetune': row.finetune} if 'synthetic' not in profile else {})
    return {
        name: make_config(read_config(find_config(config)), profile, seed, row.own_crops, row.overrides)
        for name, config in stages.items()
        if config
    }


def network_config(row: Row, profile: Config, seed: int) -> Config:
    """Make the config of the network that is tested.

    Args:
        row: A row with a config.
        profile: The profile.
        seed: Random seed.

    Returns:
        The config of the last training, or for a row with a checkpoint, its own.

    Raises:
        ValueError: As :func:`stage_configs`.
    """
    if stages := stage_configs(row, profile, seed):
        return [*stages.values()][-1]
    assert row.config is not None
    return make_config(read_config(find_config(row.config)), profile, seed, row.own_crops, row.overrides)


def make_config(
    row: Config,
    profile: Config,
    seed: int,
    own_crops: bool = False,
    own_overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Make the config of a row at the scale of a profile.

    Model and crops stay those of the row, except for the encoder, the size of the crops, and the overrides.

    Args:
        row: The row's own config.
        profile: The profile.
        seed: Random seed.
        own_crops: Keep the size of the crops, too (:class:`~mmroi.benchmark.suites.Row`).
        own_overrides: ``overrides`` of the row.

    Returns:
        A complete config for ``tools/train.py``.

    Raises:
        ValueError: ``own_overrides`` names a part that the config does not have.
    """
    cfg = Config({key: deepcopy(row[key]) for key in FIELDS if key in row})
    if 'settings' in profile:
        settings = read_config(find_config(profile.settings))
        crops = read_crops(cfg.train_dataloader)
        for key in FIELDS - {'model', 'load_from'}:
            if key in settings:
                cfg[key] = settings[key]
        for loader in LOADERS:
            set_crops(
                cfg[loader],
                num_rois=crops.num_rois,
                box_scale=crops.box_scale,
                random=crops.random,
                context_size=crops.context_size,
            )
        _shrink(cfg.model, settings.model)
        if own_crops:
            _keep_crop_size(cfg, crops)
    own = dict(own_overrides or {})
    if epochs := own.pop('max_epochs', profile.get('max_epochs')):
        set_epochs(cfg, epochs)
    _override(cfg, profile.get('overrides', {}))
    if absent := _override(cfg, own):
        raise ValueError(f'{row.filename} has no part for the overrides {", ".join(absent)} of its row')
    if 'synthetic' in profile:
        for loader in LOADERS:
            cfg[loader].dataset = _of_sets(cfg[loader].dataset, [one.out for one in synthetic_sets(profile)])
    cfg.randomness = dict(seed=seed)
    return cfg


def for_testing(cfg: Config) -> Config:
    """Make the config to test a trained row with.

    Args:
        cfg: The config that the row was trained with.

    Returns:
        The same config, except that networks with one RoI are run on each of five RoIs separately. Mesh and
        camera are still those of the base RoI; the others show how far apart the cameras are.
    """
    cfg = deepcopy(cfg)
    num_rois = read_num_rois(cfg.model)
    if cfg.model.head.type == 'CLIFFHead' and num_rois == 1 and not cfg.model.get('fusion'):
        set_num_rois(cfg.model, NUM_ROIS_OF_SPREAD)
        for loader in LOADERS[1:]:
            set_crops(cfg[loader], num_rois=NUM_ROIS_OF_SPREAD)
    return cfg


def read_config(path: Path) -> Config:
    """Read a config without its custom imports, so that only a row that needs a missing package fails."""
    return load_config(path, import_custom_modules=False)


def _shrink(model: ConfigDict, small: ConfigDict) -> None:
    """Give a model the backbone and neck of a small one, what belongs to it, and narrow heads."""
    how_rois_are_seen = {key: model.encoder[key] for key in KEPT_OF_ENCODER if key in model.encoder}
    for name in ('data_preprocessor', 'encoder', 'heatmap_head', 'body_model'):
        if name in small:
            model[name] = deepcopy(small[name])
    model.encoder.update(how_rois_are_seen)
    if model.head.type in OWN_HEADS:
        widths = model.head.get('hidden_channels', (1024, 1024))
        model.head.update(hidden_channels=tuple(width // 2 for width in widths), dropout=small.head.dropout)


def _keep_crop_size(cfg: Config, crops: CropSettings) -> None:
    """Give a config crops of another size than the profile's, and cells of as many pixels as before."""
    before = read_crops(cfg.train_dataloader).crop_size
    for loader in LOADERS:
        set_crops(cfg[loader], crop_size=crops.crop_size, box_aspect=crops.box_aspect)
    if 'neck' in cfg.model.encoder:
        neck = cfg.model.encoder.neck
        grid = neck.get('grid', GRID)
        sides = zip(grid, crops.crop_size, before, strict=True)
        neck.grid = tuple(round(cells * size / old) for cells, size, old in sides)
    if cfg.get('feature_cache'):
        cfg.feature_cache.num_rois = None


def _override(cfg: Config, overrides: Mapping[str, Any]) -> list[str]:
    """Apply the overrides of parts that a config has, and return the keys of the others."""

    def has_part(key: str) -> bool:
        part: Any = cfg
        for name in key.split('.')[:-1]:
            if isinstance(part, list):
                part = part[int(name)] if int(name) < len(part) else None
            else:
                part = part.get(name)
            if not part:
                return False
        return True

    fitting = {key: deepcopy(value) for key, value in overrides.items() if has_part(key)}
    cfg.merge_from_dict(fitting)
    return [key for key in overrides if key not in fitting]


def _of_sets(dataset: ConfigDict, roots: Sequence[str]) -> ConfigDict:
    """Let a dataset read the files of other folders, one after the other."""
    if len(roots) == 1:
        return ConfigDict(dataset, data_root=roots[0])
    own = {key: dataset[key] for key in ('type', 'data_root')}
    shared = {key: value for key, value in dataset.items() if key not in own}
    parts = [dict(own, data_root=root) for root in roots]
    return ConfigDict(type='MixedDataset', datasets=parts, **shared)
