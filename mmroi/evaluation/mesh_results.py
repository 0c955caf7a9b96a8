"""Predictions of a whole test set in one npz, and their way back into a metric without the network."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmroi.body_models import SMPL
from mmroi.fileio.npz_io import write_npz
from mmroi.registry import METRICS
from mmroi.structures import Predictions

PREDICTIONS = tuple(name for name in Predictions.names() if name != 'vertices')
LABELS = (
    'global_orient',
    'body_pose',
    'betas',
    'pelvis',
    'keypoints3d',
    'has_smpl',
    'has_keypoints3d',
    'has_transl',
)
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
_SAME_BODY = 1e-3  # meters; rounding in other batches moves a joint by some micrometers


@METRICS.register_module()
class DumpMeshResults(BaseMetric):
    """Writes predictions and labels of all samples to one npz; reports no number.

    The file holds plain arrays with one row per sample and is read with ``allow_pickle=False``:
    ``pred_instances.<name>`` (SMPL parameters, cameras, joints), ``gt_instances.<name>`` (labels) and
    ``meta.<name>``, shapes as in ``HMRDataSample`` without its leading 1. Meshes are left out: they follow from
    the parameters. ``tools/analysis_tools/eval_metric.py`` evaluates it again under any protocol.

    Args:
        out_file: File to write, ending in ``.npz``.
        collect_device: ``cpu`` or ``gpu``: where processes exchange results.
        collect_dir: Folder for the exchange on ``cpu``.

    Raises:
        ValueError: If ``out_file`` does not end in ``.npz``; in ``evaluate``, if there is no sample.
    """

    default_prefix = 'results'  # of no number; MMEngine warns without one

    def __init__(self, out_file: str, collect_device: str = 'cpu', collect_dir: str | None = None) -> None:
        super().__init__(collect_device, collect_dir=collect_dir)
        if Path(out_file).suffix != '.npz':
            raise ValueError(f'DumpMeshResults: out_file must end in .npz, got "{out_file}"')
        self.out_file = out_file

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
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

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Write the file.

        Args:
            results: One dict of arrays per sample.

        Returns:
            Nothing: an empty dict.

        Raises:
            ValueError: If there is no sample, samples differ in what they hold, or it is no number or string.
        """
        if not results:
            raise ValueError(f'no results for {self.out_file}: the data set is empty')
        odd = next((row for row in results if row.keys() != results[0].keys()), None)
        if odd is not None:
            raise ValueError(
                f'{self.out_file}: samples differ in {sorted(odd.keys() ^ results[0].keys())}; '
                'write results of unlike data sets to separate files'
            )
        arrays = {key: np.stack([row[key] for row in results]) for key in results[0]}
        objects = [key for key, array in arrays.items() if array.dtype.hasobject]
        if objects:
            raise ValueError(f'{self.out_file}: {objects} hold neither numbers nor strings')
        write_npz(self.out_file, arrays)
        print_log(f'wrote the results of {len(results)} people to {self.out_file}', 'current')
        return {}


class MeshResults:
    """A file of ``DumpMeshResults``.

    Args:
        path: The npz.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, is damaged, or its arrays differ in their number of rows.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f'{path}: no such file; DumpMeshResults writes it during a test')
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                self.arrays = {key: archive[key] for key in archive.files}
        except Exception as error:  # damaged bytes make zipfile, zlib and NumPy raise almost anything
            raise ValueError(f'{path}: no readable npz of plain arrays ({error}); write it anew') from error
        missing = {f'pred_instances.{key}' for key in PREDICTIONS} - self.arrays.keys()
        if missing:
            raise ValueError(f'{path}: not written by DumpMeshResults: it lacks {sorted(missing)}')
        lengths = {key: len(array) for key, array in self.arrays.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f'{path}: its arrays differ in their number of rows: {lengths}')

    def __len__(self) -> int:
        """Number of people."""
        return len(self.arrays['pred_instances.betas'])

    @torch.no_grad()
    def batches(self, body_model: SMPL, batch_size: int = 256) -> Iterator[list[dict]]:
        """Data samples as a metric gets them, with meshes posed anew.

        Args:
            body_model: The body model that the network used.
            batch_size: How many samples to pose at once.

        Yields:
            Data samples as dicts.

        Raises:
            ValueError: If the body model's joints are not those in the file.
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

    def _part(self, group: str, rows: slice) -> dict[str, Any]:
        prefix = f'{group}.'
        return {k.removeprefix(prefix): v[rows] for k, v in self.arrays.items() if k.startswith(prefix)}
