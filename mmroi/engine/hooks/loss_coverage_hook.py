"""Check, before the first step of a training, that its losses and its validation have their labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import ConcatDataset

from mmroi.engine.compilation import innermost
from mmroi.models.estimators import GROUND_TRUTH, arguments_of
from mmroi.registry import HOOKS
from mmroi.utils.installation import find_page

_LABELS = ('2D keypoints', '3D keypoints', 'SMPL parameters')
_REMEDY = (
    f'Use annotation files with these labels, as mmroi convert writes them ({find_page("data.md")}), or with '
    "what a dataset with `body_model` derives keypoints from (SMPL's pose, shape, transl, and the camera); "
    'or remove the loss (model.losses.<name>=None) or the dataset'
)


@HOOKS.register_module()
class LossCoverageHook(Hook):
    """Log how many people of each dataset each loss can use, and stop a training in which one can use nobody.

    A loss that uses labels may have a method ``reaches(keypoints2d, keypoints3d, has_smpl)``, which takes
    confidences (R, 54) and (R, 54) in smpl_54 and flags (R,), and returns (R,) bool: the people that it uses.
    A loss that takes ground truth without that method is listed as unknown and assumed to use everyone. A
    dataset reports its labels by ``label_confidences()``, as ``HumanImageDataset`` does; others are listed as
    not counted. Each part of a mixture counts as a dataset.

    A validation by a metric that takes its ground truth from SMPL parameters (``MeshMetric.needs_smpl``) on
    people without them, which would end the training after its first epochs, stops it as well.

    Models whose ``losses`` is not an ``nn.ModuleDict`` are ignored.
    """

    def before_train(self, runner: Runner) -> None:
        """Count in the main process, before the first step.

        Raises:
            ValueError: In all processes, if a loss can use nobody of any dataset, no loss that uses labels
                can use anybody of a dataset, or the validation has people without the labels that it compares
                with; names loss or protocol, dataset, file, missing labels and remedy.
        """
        losses = getattr(innermost(runner.model), 'losses', None)
        if not isinstance(losses, nn.ModuleDict) or not len(losses):
            return
        losses = dict(losses.items())
        # Only the main process reads the labels, so only it can fail while the others wait.
        problem: list[str | None] = [None]
        failure = None
        if is_main_process():
            try:
                sets = [count_people(part, losses) for part in find_sets(runner.train_dataloader.dataset)]
                runner.logger.info(format_table(sets, losses))
                problem = [find_problem(sets, losses) or find_validation_problem(runner)]
            except Exception as error:
                failure, problem = error, [f'LossCoverageHook failed in the main process: {error!r}']
        broadcast_object_list(problem)
        if failure is not None:
            raise failure
        if problem[0] is not None:
            raise ValueError(problem[0])


@dataclass
class SetCoverage:
    """The counts of a dataset.

    Attributes:
        name: Name of the dataset.
        file: Its annotation file.
        people: Number of people; None if the dataset does not report its labels.
        labels: Number of people with any 2D keypoint, any 3D keypoint, SMPL parameters.
        reached: Number of people that each loss with ``reaches`` can use.
    """

    name: str
    file: str
    people: int | None = None
    labels: list[int] = field(default_factory=lambda: [0] * len(_LABELS))
    reached: dict[str, int] = field(default_factory=dict)


def find_sets(dataset: Any) -> Iterator[Any]:
    """Yield the datasets that a training draws from.

    Args:
        dataset: Dataset of the loader.

    Yields:
        Parts of mixtures and datasets inside MMEngine's wrappers; other datasets as they are.
    """
    if isinstance(dataset, ConcatDataset):
        for part in dataset.datasets:
            yield from find_sets(part)
    elif isinstance(dataset, RepeatDataset | ClassBalancedDataset):
        yield from find_sets(dataset.dataset)
    else:
        yield dataset


def count_people(dataset: Any, losses: Mapping[str, nn.Module]) -> SetCoverage:
    """Count the people of a dataset that each loss can use.

    Args:
        dataset: Any dataset; only those with ``label_confidences()`` are counted.
        losses: Losses by name.

    Returns:
        The counts.
    """
    name = str(getattr(dataset, 'dataset_name', type(dataset).__name__))
    found = SetCoverage(name, str(getattr(dataset, 'ann_file', type(dataset).__name__)))
    if not hasattr(dataset, 'label_confidences'):
        return found
    found.people = 0
    found.reached = dict.fromkeys(_with_labels(losses), 0)
    for arrays in dataset.label_confidences():
        labels = tuple(map(torch.as_tensor, arrays))
        found.people += len(labels[2])
        for i, label in enumerate(labels):
            found.labels[i] += int((label.reshape(len(label), -1) > 0).any(1).sum())
        for loss in found.reached:
            found.reached[loss] += int(_reaches(losses[loss], *labels).sum())
    return found


def format_table(sets: list[SetCoverage], losses: Mapping[str, nn.Module]) -> str:
    """Format a table with a line for each dataset.

    Args:
        sets: Counts of the datasets.
        losses: Losses by name.

    Returns:
        Text of several lines.
    """
    rows = [['set', 'people', *_LABELS, *losses]]
    notes = []
    for one in sets:
        if one.people is None:
            notes.append(f'{one.name}: not counted, {one.file} has no label_confidences()')
            continue
        numbers = (one.people, *one.labels, *(one.reached.get(name, _whom(losses[name])) for name in losses))
        rows.append([one.name, *map(str, numbers)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        '  '.join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    unknown = '; ?: not known, it has no method `reaches`' if any(map(_is_unknown, losses.values())) else ''
    title = f'People with labels, and how many each loss can use (all: it uses no labels{unknown})'
    return '\n'.join((title, *(lines if len(rows) > 1 else ()), *notes))


def find_problem(sets: list[SetCoverage], losses: Mapping[str, nn.Module]) -> str | None:
    """Describe losses and datasets that do not fit together.

    Args:
        sets: Counts of the datasets.
        losses: Losses by name.

    Returns:
        The message; None if every loss can use somebody and every dataset has somebody for a loss.
    """
    needs = {name: _needs(losses[name]) for name in _with_labels(losses)}
    counted = [one for one in sets if one.people is not None]
    problems = []
    if len(counted) == len(sets):  # otherwise a dataset that was not counted may have the labels
        for name in needs:
            if not any(one.reached[name] for one in sets):
                found = '; '.join(_describe_labels(one, needs[name][0]) for one in sets)
                problems.append(
                    f'- the loss {name!r} ({type(losses[name]).__name__}), which needs '
                    f'{needs[name][1]}, can use nobody of any dataset: {found}'
                )
    for one in counted:
        if needs and not any(one.reached.values()) and not any(map(_is_unknown, losses.values())):
            wanted = ', '.join(f'{name} needs {words}' for name, (_, words) in needs.items())
            problems.append(
                f'- the dataset {_describe_labels(one, _LABELS)}; none of the losses that use '
                f'labels can use them: {wanted}'
            )
    return '\n'.join(('Labels and losses do not meet:', *problems, _REMEDY)) if problems else None


def find_validation_problem(runner: Runner) -> str | None:
    """Describe people of the validation without the SMPL parameters that its metric compares with.

    Args:
        runner: Runner of the training.

    Returns:
        The message; None if there is no validation, or everybody who is counted has them.
    """
    loop = runner.val_loop
    metrics = [] if loop is None else [m for m in loop.evaluator.metrics if getattr(m, 'needs_smpl', False)]
    if not metrics:
        return None
    label = _LABELS[-1]
    for one in (count_people(part, {}) for part in find_sets(loop.dataloader.dataset)):
        if one.people is not None and one.labels[-1] < one.people:
            return (
                f'The validation needs {label}, from which protocol {metrics[0].protocol.name!r} takes its '
                f'ground truth: {_describe_labels(one, (label,))}. Validate on people who have them '
                '(val_dataloader.dataset), or train without validation (--no-validate)'
            )
    return None


def _with_labels(losses: Mapping[str, nn.Module]) -> list[str]:
    return [name for name, loss in losses.items() if callable(getattr(loss, 'reaches', None))]


def _is_unknown(loss: nn.Module) -> bool:
    """Check whether a loss takes ground truth but does not say whom it can use."""
    takes_labels = set(GROUND_TRUTH) & set(arguments_of(loss))
    return bool(takes_labels) and not callable(getattr(loss, 'reaches', None))


def _whom(loss: nn.Module) -> str:
    return '?' if _is_unknown(loss) else 'all'


def _reaches(loss: nn.Module, *labels: Tensor) -> Tensor:
    """Call ``reaches`` on the device of the loss's weights; return (R,) bool."""
    values = next(chain(loss.parameters(), loss.buffers()), labels[0])
    return loss.reaches(*(label.to(values.device) for label in labels))  # type: ignore[operator]


def _needs(loss: nn.Module) -> tuple[tuple[str, ...], str]:
    """Find the labels with which a loss can use a person with all joints; return them and a phrase."""
    enough = [kinds for kinds in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)) if _counts(loss, kinds)]
    single = tuple(_LABELS[kinds[0]] for kinds in enough if len(kinds) == 1)
    together = tuple(_LABELS[kind] for kind in enough[0]) if enough else _LABELS
    return (single, ' or '.join(single)) if single else (together, ' and '.join(together))


def _counts(loss: nn.Module, kinds: tuple[int, ...]) -> bool:
    keypoints2d, keypoints3d = (torch.full((1, 54), float(kind in kinds)) for kind in (0, 1))
    return bool(_reaches(loss, keypoints2d, keypoints3d, torch.tensor([2 in kinds])).any())


def _describe_labels(one: SetCoverage, kinds: tuple[str, ...]) -> str:
    """Say how many people of a dataset have some labels."""
    found = [(label, number) for label, number in zip(_LABELS, one.labels, strict=True) if label in kinds]
    numbers = ', '.join(f'{number} have {label}' for label, number in found)
    joints = any(number for label, number in found if 'keypoints' in label)
    return f'{one.name} ({one.file}) has {one.people} people, of whom {numbers}' + (
        ', but not the joints that the loss uses' if joints else ''
    )
