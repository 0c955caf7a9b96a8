"""Drawings of predictions during validation and test."""

import heapq
import math
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmroi.datasets.transforms import LoadImage
from mmroi.engine.compilation import innermost
from mmroi.evaluation import metric_info
from mmroi.registry import HOOKS
from mmroi.structures import HMRDataSample
from mmroi.visualization import MeshVisualizer


@HOOKS.register_module()
class MeshVisualizationHook(Hook):
    """Draw people of a validation or test: image, prediction and ground truth.

    Drawings go to ``out_dir``, or to the backends of the visualizer (files of the run, TensorBoard, Weights &
    Biases), where a person keeps its name from validation to validation. With ``worst``, the people with the
    largest error (or the smallest PCK or AUC) are gathered from all processes and drawn, worst first.

    Args:
        enable: Draw anything at all.
        max_pictures: Approximate number of drawings, spread evenly over the dataset; None draws everyone.
        interval: Draw every ``interval``-th person instead.
        worst: Draw this many people with the largest error instead.
        metric: Error for ``worst``, which ``MeshMetric`` computes for each person: ``MPJPE``, ``PA-MPJPE``,
            ``PVE``, ``orientation``, ``camera_translation``, ``depth``, ``camera_spread``, or for
            MPI-INF-3DHP ``PCK``, ``AUC``, ``PA-PCK``, ``PA-AUC``.
        show: Open a window with each drawing.
        wait_time: Seconds until the next drawing; 0 waits for a key.
        out_dir: Folder for JPEG files; each validation has a subfolder named by its iteration.

    Raises:
        ValueError: If a count is not positive.
        TypeError: When drawing, if the runner's visualizer is not a ``MeshVisualizer``.
        KeyError: When drawing the worst, if no metric has the error for each person.
    """

    priority = 'LOW'

    def __init__(
        self,
        enable: bool = True,
        max_pictures: int | None = 50,
        interval: int | None = None,
        worst: int | None = None,
        metric: str = 'MPJPE',
        show: bool = False,
        wait_time: float = 0,
        out_dir: str | None = None,
    ) -> None:
        for name, count in (('max_pictures', max_pictures), ('interval', interval), ('worst', worst)):
            if count is not None and count < 1:
                raise ValueError(f'MeshVisualizationHook: {name} must be at least 1, not {count}')
        self.enable = enable
        self.max_pictures = max_pictures
        self.interval = interval
        self.worst = worst
        self.metric = metric
        self.show = show
        self.wait_time = wait_time
        self.out_dir = Path(out_dir) if out_dir else None
        self._stride = 1
        self._worst: list[tuple[float, int, HMRDataSample, dict[str, Any]]] = []  # a heap, the best first
        self._load = LoadImage()

    def before_val_epoch(self, runner: Runner) -> None:
        self._start(runner, len(runner.val_dataloader.dataset))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: list[HMRDataSample] | None = None,
    ) -> None:
        self._collect(runner, runner.val_evaluator, outputs or [], 'val')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._finish(runner, 'val')

    def before_test_epoch(self, runner: Runner) -> None:
        self._start(runner, len(runner.test_dataloader.dataset))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: list[HMRDataSample] | None = None,
    ) -> None:
        self._collect(runner, runner.test_evaluator, outputs or [], 'test')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._finish(runner, 'test')

    def _start(self, runner: Runner, num_people: int) -> None:
        if not self.enable:
            return
        if not isinstance(runner.visualizer, MeshVisualizer):
            raise TypeError(
                "MeshVisualizationHook needs visualizer=dict(type='MeshVisualizer', "
                'vis_backends=[...]) in the config, as configs/_base_/default_runtime.py has it'
            )
        runner.visualizer.body_model = innermost(runner.model).body_model
        spread = math.ceil(num_people / self.max_pictures) if self.max_pictures else 1
        self._stride = self.interval or max(1, spread)
        self._worst = []

    def _collect(self, runner: Runner, evaluator: Evaluator, samples: list[HMRDataSample], mode: str) -> None:
        """Draw the selected people of a batch, or keep the worst so far."""
        if not self.enable:
            return
        rows = self._errors(evaluator, len(samples))
        for sample, row in zip(samples, rows, strict=True):
            if self.worst is None:
                if sample.sample_idx % self._stride == 0:
                    name = f'{sample.sample_idx:06d}'
                    self._draw(runner, sample, row, mode, name, f'{name}_{Path(sample.img_path).stem}')
            elif not math.isnan(row.get(self.metric, math.nan)):
                entry = (metric_info(self.metric).badness(row[self.metric]), -sample.sample_idx, sample, row)
                full = len(self._worst) == self.worst
                if not full or entry[:2] > self._worst[0][:2]:
                    entry = (*entry[:2], sample.detach().cpu(), row)
                    (heapq.heapreplace if full else heapq.heappush)(self._worst, entry)

    def _errors(self, evaluator: Evaluator, num: int) -> list[dict[str, Any]]:
        """Return the errors of each person of the batch, which the metric has just processed."""
        for metric in evaluator.metrics:
            rows = metric.results[-num:]
            # People that the metric ignores have empty rows.
            if rows and all(isinstance(row, dict) and (self.metric in row or not row) for row in rows):
                return rows
        if self.worst is not None and num:
            raise KeyError(
                f'no metric of the evaluator has the error {self.metric!r} for each person, so '
                'that the worst cannot be found; MeshMetric has MPJPE, PA-MPJPE, PVE, '
                'orientation, camera_translation, depth and, with several RoIs, camera_spread'
            )
        return [{}] * num

    def _finish(self, runner: Runner, mode: str) -> None:
        """Draw the worst people of all processes."""
        if not self.enable or self.worst is None:
            return
        entries = {entry[1]: entry for part in all_gather_object(self._worst) for entry in part}
        if is_main_process():
            ranking = sorted(entries.values(), key=lambda entry: entry[:2], reverse=True)[: self.worst]
            for rank, (_, _, sample, row) in enumerate(ranking, 1):
                file = f'{rank:03d}_{self.metric}_{row[self.metric]:.0f}_{Path(sample.img_path).stem}'
                self._draw(runner, sample, row, mode, f'worst_{rank:03d}', file)
        self._worst = []

    def _draw(
        self, runner: Runner, sample: HMRDataSample, row: dict[str, Any], mode: str, name: str, file: str
    ) -> None:
        step = runner.iter if mode == 'val' else 0  # in a test, ``runner.iter`` would build the training loop
        out_file = None
        if self.out_dir:
            folder = self.out_dir / f'iter_{step}' if mode == 'val' else self.out_dir
            out_file = folder / f'{file}.jpg'
        image = self._load(dict(img_path=str(sample.img_path)))['img']
        runner.visualizer.add_datasample(
            f'{mode}_{name}',
            image[..., ::-1],
            sample,
            show=self.show,
            wait_time=self.wait_time,
            out_file=out_file,
            step=step,
            text=describe(sample, row, self.metric),
        )


def describe(sample: HMRDataSample, row: dict[str, Any], metric: str = 'MPJPE') -> str:
    """Describe a person in one line: which one it is, and its errors.

    Args:
        sample: The person.
        row: Errors by name.
        metric: An error to name beside MPJPE, PA-MPJPE and PVE.

    Returns:
        str: One line of ASCII.
    """
    names = dict.fromkeys((metric, 'MPJPE', 'PA-MPJPE', 'PVE'))
    errors = [f'{name} {row[name]:.0f} {metric_info(name).unit}' for name in names if name in row]
    path = Path(sample.img_path)
    where = f'{sample.get("dataset_name", "")} {sample.sample_idx}: {path.parent.name}/{path.name}'
    return '   '.join((where, *errors)).encode('ascii', 'replace').decode()
