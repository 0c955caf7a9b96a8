"""Profiles: the scale at which a suite is run, from minutes on a CPU to the configs as they are."""

from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict

from mmroi.benchmark.suites import CONFIGS, Row, Suite, find_config
from mmroi.engine.body_model import dicts_in, needed_body_files
from mmroi.engine.pipelines import load_config, read_crops, set_crops, set_num_rois

PROFILES = CONFIGS / '_profiles_'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# What of a profile takes the place of a row's own; its ``model`` is merged instead.
REPLACED = (
    *LOADERS,
    'val_evaluator',
    'test_evaluator',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'val_cfg',
    'test_cfg',
    'auto_scale_lr',
    'default_hooks',
    'custom_hooks',
    'env_cfg',
    'log_processor',
    'custom_imports',
)
KEPT = ('default_scope', 'model', 'log_level', 'load_from', 'resume')
NUM_ROIS_OF_SPREAD = 5  # the paper's M, over which the cameras of networks with one RoI are compared


def load_profile(name: str) -> Config:
    """Read a profile.

    Args:
        name: Name of a file in ``configs/_profiles_``, or the path of a file of one's own.

    Returns:
        The profile: ``title``, ``seeds`` and ``amp``; ``photos`` where it is trained on synthetic photographs; and
        what it changes of a row's config.
    """
    return _read(find_config(name, PROFILES))


def choose_profile(suite: Suite, synthetic: bool, quick: bool) -> str:
    """Choose the profile that fits the machine.

    Args:
        suite: The suite.
        synthetic: Take synthetic photographs even where the real ones are there.
        quick: Take the smallest.

    Returns:
        ``real`` where all data sets of the suite are there, else the largest synthetic one.
    """
    if quick:
        return 'quick'
    configs = [_read(CONFIGS / c) for row in suite.rows for c in (row.config, row.finetune) if c]
    if not synthetic and not any(missing_files(config) for config in configs):
        return 'real'
    return 'gpu-synthetic' if torch.cuda.is_available() else 'cpu'


def missing_files(config: Config) -> list[str]:
    """Annotation files and files of the body models that a config needs and that are not there.

    Args:
        config: The config of a row.

    Returns:
        Their paths.
    """
    files = set()
    for loader in LOADERS:
        dataset = config[loader].dataset
        for part in dicts_in(dataset):
            if 'ann_file' in part:
                files.add(Path(part.get('data_root', dataset.get('data_root', ''))) / part.ann_file)
    files.update(needed_body_files(config, 'train', 'val', 'test'))
    return sorted(str(path) for path in files if not path.is_file())


def stage_configs(row: Row, profile: Config, seed: int) -> dict[str, Config]:
    """Configs of the trainings of a row, one after the other.

    Args:
        row: The row.
        profile: The profile.
        seed: Of everything random: the same people in the same order in all rows.

    Returns:
        Configs by name of stage, ``train`` and, on real data where the row has it, ``finetune``.
    """
    stages = dict(train=row.config) | ({'finetune': row.finetune} if 'photos' not in profile else {})
    return {
        name: make_config(_read(CONFIGS / config), profile, seed) for name, config in stages.items() if config
    }


def make_config(row: Config, profile: Config, seed: int) -> Config:
    """The config of a row at the scale of a profile.

    Data, schedule and hooks are the profile's, where it has them; the crops stay the row's in all but their
    size, and the model stays the row's in all but what ``model`` of the profile changes.

    Args:
        row: The row's own config.
        profile: The profile.
        seed: For ``randomness``.

    Returns:
        A complete config for ``tools/train.py``.
    """
    cfg = Config({key: deepcopy(row[key]) for key in (*KEPT, *REPLACED) if key in row})
    crops = read_crops(row.train_dataloader)
    for key in REPLACED:
        if key in profile:
            cfg[key] = deepcopy(profile[key])
    for loader in LOADERS:
        set_crops(cfg[loader], num_rois=crops.num_rois, box_scale=crops.box_scale, random=crops.random)
    if 'model' in profile:
        _shrink(cfg, profile)
    cfg.randomness = dict(seed=seed)
    return cfg


def for_testing(cfg: Config) -> Config:
    """The config with which a trained row is tested.

    Args:
        cfg: The config with which it was trained.

    Returns:
        The same, but networks that see one RoI are run on each of five alone. Mesh and camera are those of
        the base RoI as before; the others tell how far apart the cameras lie.
    """
    cfg = deepcopy(cfg)
    head = cfg.model.head
    single = read_crops(cfg.test_dataloader).num_rois == 1
    if head.type == 'CLIFFHead' and single and not cfg.model.get('fusion'):
        set_num_rois(cfg.model, NUM_ROIS_OF_SPREAD)
        for loader in LOADERS[1:]:
            set_crops(cfg[loader], num_rois=NUM_ROIS_OF_SPREAD)
    return cfg


def _read(path: Path) -> Config:
    """Read a config; what it imports is imported where it runs, so that one row alone fails without it."""
    return load_config(path, import_custom_modules=False)


def _shrink(cfg: Config, profile: Config) -> None:
    """Merge the profile's model into a config."""
    patch = _of_parts_that_are_there(profile.model, cfg.model)
    if 'losses' in patch:
        patch.losses = _of_parts_that_are_there(patch.losses, cfg.model.losses)
    head = cfg.model.head
    patch.setdefault('head', ConfigDict())
    if head.type in profile.heads:
        # They have two hidden layers of 1024 by default.
        widths = head.get('hidden_channels', (1024, 1024))
        patch.head.hidden_channels = tuple(int(profile.head_width * width) for width in widths)
        patch.head.update(profile.heads[head.type])
    cfg.merge_from_dict(dict(model=patch))


def _of_parts_that_are_there(patch: ConfigDict, model: ConfigDict) -> ConfigDict:
    """Leave out changes of what a model does not have; a whole new part has a type, and stays."""
    return ConfigDict(
        {
            name: deepcopy(part)
            for name, part in patch.items()
            if part is None or 'type' in part or model.get(name)
        }
    )
