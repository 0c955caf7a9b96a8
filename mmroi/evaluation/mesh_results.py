"""Saved predictions of a test set: one npz that metrics can evaluate without the network."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.fileio import dump
from mmengine.logging import print_log
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.npz_io import write_npz
from mmroi.registry import METRICS
from mmroi.structures import LABELS, HMRDataSample, Predictions
from mmroi.utils import ProgressBar

REQUIRED = tuple(name for name in Predictions.names() if name != 'vertices')
PREDICTIONS = (*REQUIRED, 'joints_std')
META = (
    'img_path',
    'sample_idx',
    'dataset_name',
    'gender',
    'action',
    'boxes',
    'focal_length',
    'focal_lengths',
    'principal_point',
)
_INSTANCES = ('pred_instances', 'gt_instances')
_SAME_BODY = 1e-3  # meters; rounding in other batches moves a joint by a few micrometers


@METRICS.register_module()
class DumpWholeResults(DumpResults):
    """MMEngine's ``DumpResults``, whose file is written whole or not at all."""

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Write the file.

        Args:
            results: The data samples, as dicts.

        Returns:
            No metric.

        Raises:
            WriteError: It cannot be written.
        """
        with atomic_write(self.out_file_path) as temporary:
            dump(results, temporary)
        return {}


@METRICS.register_module()
class DumpMeshResults(BaseMetric):
    """Writes the predictions and annotations of all samples to one npz. Reports no metric.

    The file contains plain arrays with one row per sample and is read with ``allow_pickle=False``:
    ``pred_instances.<name>`` (SMPL parameters, cameras, joints), ``gt_instances.<name>``, and
    ``meta.<name>``, with the shapes of ``HMRDataSample`` without its leading 1. Meshes are not saved, since
    they follow from the parameters. ``tools/analysis_tools/eval_metric.py`` evaluates the file under any
    protocol.

    Args:
        out_file: File to write, with suffix ``.npz``.
        collect_device: ``cpu`` or ``gpu``: where processes exchange results.

    Raises:
        ValueError: If ``out_file`` has another suffix; in ``evaluate``, if there is no sample.
    """

    default_prefix = 'results'  # unused, but MMEngine warns without one

    def __init__(self, out_file: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device)
        if Path(out_file).suffix != '.npz':
            raise ValueError(f'DumpMeshResults: out_file must end in .npz, got "{out_file}"')
        self.out_file = out_file

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep one batch.

        Args:
            data_batch: Unused.
            data_samples: As dicts, with ``pred_instances``, ``gt_instances`` and metainfo at the top.
        """
        for sample in data_samples:
            row = {f'meta.{key}': sample[key] for key in META if key in sample}
            for group, keys in (('pred_instances', PREDICTIONS), ('gt_instances', LABELS)):
                for key in keys:
                    if key in sample[group]:
                        row[f'{group}.{key}'] = torch.as_tensor(sample[group][key])[0].cpu().numpy()
            self.results.append(row)

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Write the file.

        Args:
            results: One dict of arrays per sample.

        Returns:
            An empty dict.

        Raises:
            ValueError: If there is no sample, or if samples differ in their fields or have fields that are
                neither numbers nor strings.
        """
        if not results:
            raise ValueError(f'no results for {self.out_file}: the dataset is empty')
        odd = next((row for row in results if row.keys() != results[0].keys()), None)
        if odd is not None:
            raise ValueError(
                f'{self.out_file}: samples differ in {sorted(odd.keys() ^ results[0].keys())}; '
                'write results of different datasets to separate files'
            )
        arrays = {key: np.stack([row[key] for row in results]) for key in results[0]}
        objects = [key for key, array in arrays.items() if array.dtype.hasobject]
        if objects:
            raise ValueError(f'{self.out_file}: {objects} contain neither numbers nor strings')
        write_npz(self.out_file, arrays)
        print_log(f'Wrote the results of {len(results)} people to {self.out_file}', 'current')
        return {}


class MeshResults:
    """A file that ``DumpMeshResults`` wrote.

    Args:
        path: The npz.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is another file or damaged, or if its arrays differ in their number of rows.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f'{path}: no such file; DumpMeshResults writes it during a test')
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                self.arrays = {key: archive[key] for key in archive.files}
        except Exception as error:  # damaged bytes make zipfile, zlib, and NumPy raise almost anything
            raise ValueError(
                f'{path}: no readable npz of plain arrays ({error}); write it again with mmroi test --out'
            ) from error
        missing = {f'pred_instances.{key}' for key in REQUIRED} - self.arrays.keys()
        if missing:
            raise ValueError(f'{path}: not written by DumpMeshResults: it lacks {sorted(missing)}')
        lengths = {key: len(array) for key, array in self.arrays.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f'{path}: its arrays differ in their number of rows: {lengths}')

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.arrays['pred_instances.betas'])

    @torch.no_grad()
    def batches(self, body_model: SMPL, batch_size: int = 256) -> Iterator[list[dict[str, Any]]]:
        """Yield data samples as a metric receives them, with meshes posed from the parameters.

        Args:
            body_model: The body model that the network used.
            batch_size: Number of samples per batch.

        Yields:
            Data samples as dicts.

        Raises:
            ValueError: If the joints of the body model differ from those in the file.
        """
        for start in range(0, len(self), batch_size):
            rows = slice(start, start + batch_size)
            meta = self._part('meta', rows)
            pred, label = (
                {key: torch.from_numpy(values) for key, values in self._part(group, rows).items()}
                for group in ('pred_instances', 'gt_instances')
            )
            body = body_model(pred['global_orient'], pred['body_pose'], pred['betas'])
            distance = (body.joints_h36m - pred['joints_h36m']).abs().max().item()
            if distance > _SAME_BODY:
                raise ValueError(
                    f'{self.path}: its joints are up to {1000 * distance:.1f} mm away from those of this '
                    'body model; name the one that the network used (--body-model)'
                )
            pred['vertices'] = body.vertices
            yield [
                {
                    **{key: values[i] for key, values in meta.items()},
                    'pred_instances': {key: values[i : i + 1] for key, values in pred.items()},
                    'gt_instances': {key: values[i : i + 1] for key, values in label.items()},
                }
                for i in range(len(body.vertices))
            ]

    def data_samples(
        self, body_model: SMPL, indices: Sequence[int], batch_size: int = 256
    ) -> list[HMRDataSample]:
        """Return some of the samples.

        Args:
            body_model: The body model that the network used.
            indices: Rows of the file.
            batch_size: Number of samples per batch.

        Returns:
            One data sample per index, in the order of ``indices``.
        """
        wanted: dict[int, HMRDataSample] = {}
        for number, batch in enumerate(self.batches(body_model, batch_size)):
            for index, row in enumerate(batch, number * batch_size):
                if index in indices:
                    sample = HMRDataSample(metainfo={k: v for k, v in row.items() if k not in _INSTANCES})
                    sample.pred_instances, sample.gt_instances = (
                        InstanceData(**row[group]) for group in _INSTANCES
                    )
                    wanted[index] = sample
        return [wanted[index] for index in indices]

    def process(self, metric: MeshMetric, batch_size: int = 256, progress: bool = False) -> None:
        """Pass every sample to a metric, which keeps one row per sample in ``metric.results``.

        Args:
            metric: The metric. Its neutral body model poses the predictions.
            batch_size: Number of samples per batch.
            progress: Show a progress bar if the output is a terminal.

        Raises:
            ValueError: If the metric's body model is not the one that the network used.
        """
        with ProgressBar(len(self), self.path.stem, disable=None if progress else True) as bar:
            for batch in self.batches(metric.bodies.neutral, batch_size):
                metric.process(None, batch)
                bar.advance(len(batch))

    def evaluate(self, metric: MeshMetric, batch_size: int = 256, progress: bool = False) -> dict[str, float]:
        """Run a metric over the file, without the network.

        Args:
            metric: The metric. Its neutral body model poses the predictions.
            batch_size: Number of samples per batch.
            progress: Show a progress bar if the output is a terminal.

        Returns:
            What ``metric.evaluate`` returns, with the protocol's prefix.

        Raises:
            ValueError: If the metric's body model is not the one that the network used.
        """
        self.process(metric, batch_size, progress)
        return metric.evaluate(len(self))

    def _part(self, group: str, rows: slice) -> dict[str, Any]:
        prefix = f'{group}.'
        return {k.removeprefix(prefix): v[rows] for k, v in self.arrays.items() if k.startswith(prefix)}
