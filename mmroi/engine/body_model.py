"""The body model of a run: one switch for network, metrics and datasets, and a check for its files."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from mmroi.body_models.body_files import GENDERS, body_files, check_body_files, has_genders, is_open
from mmroi.evaluation.protocols import get_protocol
from mmroi.utils.installation import find_page

SYNTHETIC = 'synthetic'  # name of datasets whose labels are parameters of the open body


def use_body_model(cfg: Config, model_path: str) -> None:
    """Set the body model of network, metrics and datasets in a config.

    Args:
        cfg: Config of the run; modified. Datasets without a body model get none.
        model_path: As in :class:`mmroi.body_models.SMPL`; ``'open'`` for the open body.
    """
    for part in dicts_in(dict(cfg.items())):
        if _is_mesh_metric(part):
            part.setdefault('body_model', ConfigDict(type='SMPL'))
        if isinstance(part.get('body_model'), dict):
            part['body_model']['model_path'] = model_path


def check_body_model(cfg: Config, *stages: str) -> None:
    """Check that the files of all body models of a run exist, before data and weights are read.

    Args:
        cfg: Config of the run.
        *stages: Those of ``train``, ``val`` and ``test`` that the run has.

    Raises:
        FileNotFoundError: If a file does not exist; the message names it and the remedy.
    """
    for model_path, gender in _bodies(cfg, stages):
        check_body_files(model_path, gender)


def needed_body_files(cfg: Config, *stages: str) -> set[Path]:
    """List the files that :func:`check_body_model` checks.

    Args:
        cfg: Config of the run.
        *stages: Those of ``train``, ``val`` and ``test`` that the run has.

    Returns:
        Paths, whether or not they exist.
    """
    return {path for body in _bodies(cfg, stages) for path in body_files(*body)}


def _bodies(cfg: Config, stages: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Yield path and gender of each body model that some stages build."""
    for part in dicts_in([cfg.get('model'), *(cfg.get(f'{stage}_dataloader') for stage in stages)]):
        if isinstance(body := part.get('body_model'), dict):
            yield body.get('model_path'), body.get('gender', 'neutral')
    for part in dicts_in([cfg.get(f'{stage}_evaluator') for stage in stages]):
        if _is_mesh_metric(part):
            model_path = (part.get('body_model') or {}).get('model_path')
            gendered = get_protocol(part.get('protocol', 'synthetic'), part.get('gt')).gendered
            genders = GENDERS if gendered and has_genders(model_path) else ('neutral',)
            yield from ((model_path, gender) for gender in genders)


def warn_of_open_body(cfg: Config) -> None:
    """Warn if a network with the open body is trained on labels that are parameters of SMPL.

    Args:
        cfg: Config of the run.
    """
    names = [
        part.get('dataset_name') or Path(part['ann_file']).stem
        for part in dicts_in(cfg.get('train_dataloader'))
        if 'ann_file' in part
    ]
    others = sorted({name for name in names if name != SYNTHETIC})
    if others and is_open((cfg.model.get('body_model') or {}).get('model_path')):
        print_log(
            f'the network has the open body and is trained on {", ".join(others)}: parameters of SMPL '
            'mean other people on it, and the results are not comparable with published ones. Install SMPL '
            f'({find_page("body_models.md")}) and select it with --body-model. For labels that were made '
            f'with the open body, set dataset_name={SYNTHETIC!r}.',
            logger='current',
            level=logging.WARNING,
        )


def dicts_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all dicts within a config, itself included."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for child in value:
            yield from dicts_in(child)


def _is_mesh_metric(part: dict[str, Any]) -> bool:
    return str(part.get('type')).rpartition('.')[2] == 'MeshMetric'
