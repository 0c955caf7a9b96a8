"""Errors of exported files under the metric of a config, and their speed, beside PyTorch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from torch import nn

from mmroi.apis.export import ExportableEstimator, describe_crops, read_recipe
from mmroi.apis.exported_files import INPUTS, Arrays, open_exported
from mmroi.apis.people_arrays import stack_people
from mmroi.benchmark.speed.timing import take_turns, typical
from mmroi.geometry import local_to_full
from mmroi.structures import Predictions
from mmroi.utils import track

PYTORCH = 'PyTorch'
COLUMNS = ('MPJPE', 'PA-MPJPE', 'camera_translation')
MM = 1000.0
LARGEST_BATCH = 8  # people: each file keeps the memory of its largest call

Run = Callable[[Arrays], Arrays]


def open_all(model: nn.Module, paths: Sequence[str | Path]) -> dict[str, Run]:
    """Open exported files beside the network they were written from.

    Args:
        model: Model returned by ``init_model``, on the CPU.
        paths: The files.

    Returns:
        The network in PyTorch, named ``PyTorch``, then the files by their paths. ONNX Runtime takes as many
        threads as PyTorch.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file cannot be read, or was made for other crops than the config's.
    """
    network = ExportableEstimator(model, with_smpl=True)

    @torch.no_grad()
    def run(inputs: Arrays) -> Arrays:
        found = network(*(torch.from_numpy(inputs[name]) for name in INPUTS))
        return {name: value.numpy() for name, value in zip(network.output_names, found, strict=True)}

    runs: dict[str, Run] = {PYTORCH: run}
    expected = describe_crops(read_recipe(model.cfg))
    for path in paths:
        opened = open_exported(path, torch.get_num_threads())
        for name, value in expected.items():
            if not _equal(found := opened.metadata.get(name), value):
                raise ValueError(
                    f'{path} was made for other crops than the config: {name} is {found}, not {value}; '
                    'export it from this config'
                )
        runs[str(path)] = opened
    return runs


def evaluate_all(
    model: nn.Module, runs: Mapping[str, Run], batches: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Evaluate networks on the same people.

    Bodies that a file does not pose are posed by the model's body.

    Args:
        model: Model returned by ``init_model``; the metrics are those of its config's ``test_evaluator``.
        runs: What :func:`open_all` returns.
        batches: Of a loader of annotated people.

    Returns:
        For each name the metrics; and the distance of the vertices from PyTorch's, without the translation,
        averaged over a person's vertices: ``mean_distance`` and ``largest_distance`` over people (mm).
    """
    estimator: Any = model
    evaluators = {name: Evaluator(estimator.cfg.test_evaluator) for name in runs}
    distances: dict[str, list[np.ndarray]] = {name: [] for name in runs}
    count = 0
    for batch in batches:
        inputs = stack_people(batch)
        samples = estimator.data_preprocessor(dict(batch))['data_samples']
        count += len(samples)
        expected = None
        for name, run in runs.items():
            found = _complete(run(inputs), inputs, estimator.body_model)
            expected = found.vertices if expected is None else expected
            distances[name].append(MM * (found.vertices - expected).norm(dim=-1).mean(-1).numpy())
            for sample, instances in zip(samples, found.split(), strict=True):
                sample.pred_instances = instances
            evaluators[name].process(samples)
    results = {}
    for name, evaluator in evaluators.items():
        apart = np.concatenate(distances[name])
        results[name] = evaluator.evaluate(count) | dict(
            mean_distance=float(apart.mean()), largest_distance=float(apart.max())
        )
    return results


def compare_exported(
    model: nn.Module,
    paths: Sequence[str | Path],
    batch_size: int = 1,
    seconds: float = 2,
    rounds: int = 5,
    cpu_time: bool = False,
) -> list[dict[str, Any]]:
    """Measure errors and speed of exported files beside PyTorch, on the people of ``test_dataloader``.

    Args:
        model: Model returned by ``init_model``, on the CPU.
        paths: The files.
        batch_size: Number of people of a timed call.
        seconds: Length of a turn of the timing.
        rounds: Number of turns of each file.
        cpu_time: Measure the CPU time of this process instead of wall time.

    Returns:
        For PyTorch and each file: ``name``, ``megabytes`` (None for PyTorch), the metrics of
        :func:`evaluate_all`, ``ms`` of a call from crops to bodies, and ``speed`` relative to PyTorch.

    Raises:
        FileNotFoundError: As :func:`open_all`, and if the dataset does not exist.
        ValueError: As :func:`open_all`.
    """
    cfg: Config = model.cfg
    runs = open_all(model, paths)
    batch = min(cfg.test_dataloader.batch_size, LARGEST_BATCH)
    loader = Runner.build_dataloader(dict(cfg.test_dataloader, batch_size=batch))
    results = evaluate_all(model, runs, track(loader, description='evaluation'))
    people = [loader.dataset[i % len(loader.dataset)] for i in range(batch_size)]
    inputs = stack_people({key: [person[key] for person in people] for key in people[0]})
    steps = {name: partial(run, inputs) for name, run in runs.items()}
    for step in steps.values():  # the first call allocates
        step()
    turns = take_turns(steps, torch.device('cpu'), seconds, rounds, cpu_time)
    times = {name: typical(turns[name]) for name in runs}
    return [
        dict(
            name=name if name == PYTORCH else Path(name).name,
            megabytes=None if name == PYTORCH else Path(name).stat().st_size / 1e6,
            **results[name],
            ms=1e3 * times[name],
            speed=times[PYTORCH] / times[name],
        )
        for name in runs
    ]


def table_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Choose the columns of a table.

    Args:
        rows: What :func:`compare_exported` returns.

    Returns:
        Rows with size, errors of joints and of the camera, distance from PyTorch, and speed.
    """
    errors = [name for name in rows[0] if name.rpartition('/')[2] in COLUMNS]
    return [
        dict(
            file=row['name'],
            MB=row['megabytes'],
            **{name.rpartition('/')[2]: row[name] for name in errors},
            distance=row['mean_distance'],
            largest=row['largest_distance'],
            ms=row['ms'],
            speed=row['speed'],
        )
        for row in rows
    ]


def _complete(found: Arrays, inputs: Arrays, body_model: Any) -> Predictions:
    """Pose the bodies of an exported network, and take from it what it poses itself."""
    tensors = {name: torch.from_numpy(value) for name, value in found.items()}
    rotations, betas, cameras = (tensors[name] for name in ('rotations', 'betas', 'local_cameras'))
    boxes, focal_length = (torch.from_numpy(inputs[name]) for name in ('boxes', 'focal_length'))
    predictions = Predictions.from_body(
        rotations,
        betas,
        body_model(rotations[:, :1], rotations[:, 1:], betas),
        local_cameras=cameras,
        full_cameras=local_to_full(cameras, boxes, focal_length),
        camera_translation=tensors['camera_translation'],
    )
    if 'vertices' not in tensors:
        return predictions
    return replace(
        predictions,
        vertices=tensors['vertices'],
        joints3d=tensors['joints3d'],
        joints_h36m=body_model.regress_h36m(tensors['vertices']),
    )


def _equal(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return found is expected
    found, expected = np.asarray(found), np.asarray(expected)
    return found.shape == expected.shape and bool(np.allclose(found, expected))
