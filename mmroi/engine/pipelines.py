"""How crops are taken: read from the pipelines of a config, and changed in all of them at once.

Two steps decide, ``GetPersonBox`` and ``MultiRoICrop``. They are found by their type, which may be a name, a
name with a scope (``mmroi.GetPersonBox``) or the class, also in wrapped datasets and in ``TestTimeAug``.
"""

import copy
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config

from mmroi.datasets import GetPersonBox, MultiRoICrop
from mmroi.datasets.transforms.multi_roi_crop import fits_aspect
from mmroi.engine.body_model import dicts_in
from mmroi.engine.config_numbers import NUMBERS, read_numbers
from mmroi.engine.config_options import check_options
from mmroi.engine.crop_settings import CropSettings
from mmroi.engine.epochs import read_epochs, set_epochs
from mmroi.engine.loaders import settle_workers
from mmroi.utils.config_names import find_config
from mmroi.utils.errors import UserError

Pipeline = list[dict[str, Any]]
_SUFFIXES = ('.py', '.json', '.yml', '.yaml')  # that MMEngine reads


def read_crops(config: Any) -> CropSettings:
    """Read how crops are taken.

    Args:
        config: Config of a run, whose ``test_dataloader`` is read, or of a loader, dataset or pipeline.

    Returns:
        CropSettings: The settings of its pipelines.

    Raises:
        ValueError: There is no ``GetPersonBox`` or no ``MultiRoICrop``, or they differ between datasets.
    """
    where, part = 'the pipeline', config
    if isinstance(config, Config):
        where, part = (
            f'config {config.filename}: the pipeline of test_dataloader',
            config.get('test_dataloader'),
        )
    found = {
        CropSettings(
            int(_argument(crop, 'num_rois')),
            _size(_argument(crop, 'crop_size')),
            float(_argument(box, 'aspect')),
            float(_argument(box, 'scale')),
            bool(_argument(crop, 'random')),
            (size := _argument(crop, 'context_size')) and _size(size),
        )
        for box in find_steps(part, GetPersonBox)
        for crop in find_steps(part, MultiRoICrop)
    }
    if not found:
        raise ValueError(f'{where} lacks GetPersonBox or MultiRoICrop, which say how crops are taken')
    if len(found) > 1:
        raise ValueError(f'{where} takes crops in several ways, expected one: {sorted(map(str, found))}')
    return found.pop()


def set_crops(
    config: Any,
    num_rois: int | None = None,
    crop_size: Sequence[int] | None = None,
    box_scale: float | None = None,
    box_aspect: float | None = None,
    random: bool | None = None,
    context_size: Sequence[int] | None = None,
) -> None:
    """Change how crops are taken, in all pipelines of a config.

    Boxes take the aspect of ``crop_size``, unless the pipeline gives them another one.

    Args:
        config: Of a run, loader, dataset or pipeline; changed. The model of a run stays as it is.
        num_rois: M.
        crop_size: Height and width, pixels.
        box_scale: Enlargement of the tight box.
        box_aspect: Width / height of the box around the person, where it is not that of the crops.
        random: Draw RoIs at random.
        context_size: Height and width of one crop around all RoIs, pixels.

    Raises:
        ValueError: No pipeline has a step that the change belongs to.
    """
    crops = find_steps(config, MultiRoICrop)
    boxes = find_steps(config, GetPersonBox)
    of_crops = dict(
        num_rois=num_rois,
        crop_size=crop_size and _size(crop_size),
        random=random,
        context_size=context_size and _size(context_size),
    )
    of_crops = {name: value for name, value in of_crops.items() if value is not None}
    if not crops and (of_crops or box_aspect is not None):
        raise ValueError('no pipeline has MultiRoICrop, which takes the crops')
    if not boxes and (box_scale is not None or box_aspect is not None):
        raise ValueError('no pipeline has GetPersonBox, which takes box_scale and box_aspect')
    for step in crops:
        _set(step, **of_crops)
    for step in boxes:
        if box_scale is not None:
            _set(step, scale=box_scale)
        if crop_size is not None or box_aspect is not None:
            _set_aspect(step, _size(_argument(crops[0], 'crop_size')), box_aspect)


def _set_aspect(step: dict[str, Any], crop_size: tuple[int, int], box_aspect: float | None) -> None:
    """Give ``GetPersonBox`` an aspect, and that of the crops where it is another."""
    if box_aspect is None and _argument(step, 'crop_aspect') is not None:
        box_aspect = _argument(step, 'aspect')
    if box_aspect is None and not fits_aspect(crop_size, _argument(step, 'aspect')):
        box_aspect = crop_size[1] / crop_size[0]
    if box_aspect is not None:
        _set(step, aspect=box_aspect)
    step.pop('crop_aspect', None)
    if not fits_aspect(crop_size, _argument(step, 'aspect')):
        step['crop_aspect'] = crop_size[1] / crop_size[0]


def load_config(path: str | Path, cfg_options: dict[str, Any] | None = None, **options: Any) -> Config:
    """Load a config with its top-level numbers written to pipelines, model and schedule.

    Args:
        path: The file, or a name of :func:`~mmroi.utils.config_names.find_config`.
        cfg_options: Changes, as of ``--cfg-options``.
        **options: Of ``Config.fromfile``.

    Returns:
        Config: Expanded by :func:`expand_numbers`, its loaders changed by :func:`.loaders.settle_workers`.

    Raises:
        FileNotFoundError: There is no such config.
        UserError: The file is no config or cannot be parsed, or as :func:`.loaders.settle_workers`.
        ValueError: As :func:`expand_numbers`.
    """
    path = find_config(path)
    if path.suffix not in _SUFFIXES:
        raise UserError(f'{path} is no config: a config ends in {", ".join(_SUFFIXES)}')
    try:
        cfg = Config.fromfile(path, **options)
    except (json.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f'config {path} cannot be parsed: {error}') from error
    expand_numbers(cfg, cfg_options)
    settle_workers(cfg)
    return cfg


def expand_numbers(cfg: Config, cfg_options: dict[str, Any] | None = None) -> None:
    """Write the numbers at the top level of a config to all its pipelines, its model and its schedule.

    They are those of ``NUMBERS``; ``box_aspect`` is by default that of the crops. They are removed then, so
    that a number that is still there has not been expanded, and a dumped config is complete.

    Args:
        cfg: Config of a run; changed.
        cfg_options: Changes, merged after the config's own numbers are expanded, so that an option for one
            pipeline wins over them. They may be numbers as well.

    Raises:
        ValueError: A number is out of range or misspelled, or nothing in the config takes it; or nothing
            reads an option.
    """
    _expand(cfg)
    if cfg_options:
        check_options(cfg, cfg_options)
        epochs = read_epochs(cfg)
        cfg.merge_from_dict(cfg_options)
        _expand(cfg, epochs)


def _expand(cfg: Config, epochs: int | None = None) -> None:
    numbers = read_numbers(cfg)
    random, max_epochs = numbers.pop('random_rois', None), numbers.pop('max_epochs', None)
    try:
        set_crops(_items(cfg), random=random, **numbers)
        if max_epochs is not None:
            set_epochs(cfg, max_epochs, epochs)
    except ValueError as error:
        raise ValueError(f'config {cfg.filename}: {error}') from None
    if 'num_rois' in numbers and cfg.get('model'):
        set_num_rois(cfg.model, numbers['num_rois'])
    if 'crop_size' in numbers and cfg.get('model'):
        for part in filter(lambda part: 'crop_size' in part, dicts_in(cfg.model.get('encoder'))):
            part['crop_size'] = _size(numbers['crop_size'])  # of a backbone for crops of one size
    for name in NUMBERS:
        cfg.pop(name, None)


def check_expanded(cfg: Config) -> None:
    """Refuse a config whose top-level numbers differ from the rest of it: it was not expanded.

    Args:
        cfg: Config of a run.

    Raises:
        ValueError: Names the numbers and the remedy.
    """
    numbers = read_numbers(cfg)
    expanded = copy.deepcopy(cfg)
    expand_numbers(expanded)
    if any(expanded.get(key) != value for key, value in cfg.items() if key not in NUMBERS):
        given = ', '.join(f'{name} = {value}' for name, value in numbers.items())
        raise ValueError(
            f'config {cfg.filename} says {given}, but its pipelines, its model or its schedule do not: read '
            'it by mmroi.engine.pipelines.load_config, as mmroi train does, instead of Config.fromfile'
        )


def read_num_rois(model: Any) -> int:
    """Read the number of RoIs that a model is made for.

    Args:
        model: Config of the model.

    Returns:
        int: M; 1 where nothing says it, as in CLIFF.
    """
    parts = [part for part in (model, model.get('fusion'), model.get('head')) if part]
    return next((part['num_rois'] for part in parts if part.get('num_rois')), 1)


def set_num_rois(model: Any, num_rois: int) -> None:
    """Set the number of RoIs that a model is made for.

    Args:
        model: Config of the model; changed. Its parts no longer have a number of their own.
        num_rois: M.
    """
    model['num_rois'] = num_rois
    for part in filter(None, (model.get('fusion'), model.get('head'))):
        part.pop('num_rois', None)


def find_steps(config: Any, transform: type) -> list[dict[str, Any]]:
    """Find all steps of a type.

    Args:
        config: Of a run, loader, dataset or pipeline.
        transform: The class.

    Returns:
        list: Their configs, to be read or changed.
    """
    return [part for part in dicts_in(_items(config)) if is_step(part, transform)]


def is_step(config: Any, transform: type) -> bool:
    """Return whether this is the config of a transform.

    Args:
        config: Anything.
        transform: The class.

    Returns:
        bool: True also for a name with a scope, for the class itself and for subclasses.
    """
    if not isinstance(config, dict) or not (kind := config.get('type')):
        return False
    if isinstance(kind, type):
        return issubclass(kind, transform)
    return str(kind).rpartition('.')[2] == transform.__name__


def find_pipeline(config: Any) -> Pipeline:
    """Return the first pipeline that takes crops.

    Args:
        config: Of a loader or dataset, which may wrap others.

    Returns:
        list: Its steps.

    Raises:
        ValueError: There is none.
    """
    for owner in _owners(config):
        return owner['pipeline']
    raise ValueError('no dataset has a pipeline with MultiRoICrop')


def change_pipelines(config: Any, change: Callable[[Pipeline], Pipeline]) -> None:
    """Replace all pipelines that take crops.

    Args:
        config: Of a loader or dataset, which may wrap others; changed.
        change: Returns the new steps for the old ones, and leaves its argument as it is.

    Raises:
        ValueError: There is none.
    """
    find_pipeline(config)
    for owner in list(_owners(config)):
        owner['pipeline'] = change(owner['pipeline'])


def inference_pipeline(cfg: Config, box_scale: float | None = None) -> Pipeline:
    """Return the test pipeline for decoded images and tight boxes.

    Args:
        cfg: Config of a run.
        box_scale: Enlargement of the boxes instead of the config's.

    Returns:
        list: The steps of ``test_dataloader``. A sample needs ``img`` and ``bbox_xywh``; its camera is
            optional.

    Raises:
        ValueError: The config has no such pipeline, or gives boxes no margin and ``box_scale`` is None.
    """
    try:
        steps = copy.deepcopy(find_pipeline(cfg.get('test_dataloader')))
    except ValueError as error:
        raise ValueError(f'config {cfg.filename}: test_dataloader: {error}') from None
    if box_scale is not None:
        set_crops(steps, box_scale=box_scale)
    else:
        check_margin(cfg)
    # Ours decodes nothing where there is an image, and fills in the camera.
    return [dict(type='LoadImage') if is_step(step, LoadImageFromFile) else step for step in steps]


def check_margin(cfg: Config) -> CropSettings:
    """Read how crops are taken from tight boxes, and refuse a config that may mean other boxes.

    Args:
        cfg: Config of a run.

    Returns:
        CropSettings: Those of its test pipeline.

    Raises:
        ValueError: As ``read_crops``; or boxes are not enlarged, as in configs from before ``box_margin``,
            where ``scale=1.0`` meant that the annotation's boxes have a margin already.
    """
    crops = read_crops(cfg)
    if crops.margin_fault:
        raise ValueError(f'config {cfg.filename}: {crops.margin_fault}')
    return crops


def _owners(config: Any) -> Iterator[dict[str, Any]]:
    """Dicts with a ``pipeline`` that makes crops."""
    for part in list(dicts_in(_items(config))):
        if any(is_step(step, MultiRoICrop) for step in part.get('pipeline') or ()):
            yield part


def _items(config: Any) -> Any:
    return dict(config.items()) if isinstance(config, Config) else config


def _argument(step: dict[str, Any], name: str) -> Any:
    """Return an argument of ``GetPersonBox`` or ``MultiRoICrop``, or its default if the step has none."""
    transform = GetPersonBox if is_step(step, GetPersonBox) else MultiRoICrop
    return step.get(name, inspect.signature(transform).parameters[name].default)


def _set(step: dict[str, Any], **arguments: Any) -> None:
    for name, value in arguments.items():
        if _argument(step, name) != value:
            step[name] = value


def _size(value: Any) -> tuple[int, int]:
    height, width = value
    return int(height), int(width)
