"""Trains and tests runs with the project's tools, each in a process of its own."""

import json
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from multiprocessing.process import BaseProcess
from pathlib import Path
from zipfile import is_zipfile

from mmengine.config import Config

from mmroi.benchmark.machine import describe_code, describe_device
from mmroi.benchmark.profiles import stage_configs
from mmroi.benchmark.runs import Run, RunError, check_config, dump_config, last_checkpoint, test_config
from mmroi.benchmark.tool_process import end_group, last_words
from mmroi.benchmark.warm_process import start_tool
from mmroi.fileio import read_checkpoint
from mmroi.fileio.atomic import atomic_write
from mmroi.utils.errors import explain
from mmroi.utils.installation import find_file


class RunPool:
    """Executes runs in parallel, on GPUs or on the cores of a CPU."""

    def __init__(self, profile: Config, gpus: int, jobs: int, report: Callable[[Run], None]) -> None:
        """Reserve the GPUs.

        Args:
            profile: The profile.
            gpus: Number of GPUs. Each executes one run at a time.
            jobs: Without GPUs: number of runs at a time. They share the cores.
            report: Called with each run when it is done or has failed.
        """
        self.profile = profile
        self.report = report
        self._slots: queue.Queue[str | None] = queue.Queue()
        visible = os.environ.get('CUDA_VISIBLE_DEVICES')
        names = (visible.split(',') if visible else [str(gpu) for gpu in range(gpus)])[:gpus]
        slots: list[str | None] = [*names] or [None] * jobs
        for name in slots:
            self._slots.put(name)
        self.num_slots = len(slots)
        self._processes: set[BaseProcess] = set()
        self._stopped = threading.Event()
        self._reporting = threading.Lock()

    def run(self, runs: Sequence[Run]) -> None:
        """Execute runs. A failing run is reported and does not stop the others.

        Args:
            runs: Runs that are not done.

        Raises:
            KeyboardInterrupt, SystemExit: If stopped, after ending the processes.
        """
        groups: dict[Path, list[Run]] = {}
        for run in runs:
            groups.setdefault(run.folder, []).append(run)
        with ThreadPoolExecutor(self.num_slots) as pool:
            futures = [pool.submit(self._run_all, group) for group in groups.values()]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(self._processes):
                    end_group(process)
                raise

    def _run_all(self, runs: Sequence[Run]) -> None:
        """Execute the runs of one row and seed, which share a training, one after the other."""
        for run in runs:
            if not self._stopped.is_set():
                self._run(run)

    def _run(self, run: Run) -> None:
        gpu = self._slots.get()
        try:
            run.failure.unlink(missing_ok=True)
            self._execute(run, gpu)
        except Exception as error:  # of one row: the others go on
            if self._stopped.is_set():
                return
            try:
                with atomic_write(run.failure) as path:
                    path.write_text(f'{explain(error)}\n', encoding='utf-8')
            except OSError as unwritten:
                print(f'{run.name}: {explain(error)}; {unwritten}', flush=True)
        finally:
            self._slots.put(gpu)
        with self._reporting:
            self.report(run)

    def _execute(self, run: Run, gpu: str | None) -> None:
        run.folder.mkdir(parents=True, exist_ok=True)
        checkpoint = find_file(run.row.checkpoint) if run.row.checkpoint else None
        people_seen = 0
        for stage, config in stage_configs(run.row, self.profile, run.seed).items():
            if checkpoint is not None:
                config.load_from = str(checkpoint)
            checkpoint = self._train(run, stage, config, gpu)
            meta = read_checkpoint(checkpoint)['meta']
            people_seen += meta['iter'] * config.train_dataloader.batch_size
        assert checkpoint is not None
        run.test_folder.mkdir(parents=True, exist_ok=True)
        config = test_config(run, self.profile)
        dump_config(config, run.config('test'))
        arguments: list[str | Path] = [run.config('test'), checkpoint, '--work-dir', run.test_folder / 'test']
        arguments += ['--out', run.results, '--cfg-options', f'test_evaluator.out_dir={run.errors}']
        arguments += ['--cache-features'] if config.get('feature_cache') else []
        self._call('test.py', *arguments, log=run.test_folder / 'test.log', gpu=gpu)
        record = dict(
            people_seen=people_seen,
            date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            device=describe_device(),
            code=describe_code(),
        )
        with atomic_write(run.record) as path:
            path.write_text(json.dumps(record, indent=2), encoding='utf-8')

    def _train(self, run: Run, stage: str, config: Config, gpu: str | None) -> Path:
        """Train one stage, or resume it if its checkpoints allow that, and return the last one."""
        work_dir = run.folder / stage
        if (work_dir / 'last_checkpoint').is_file():
            check_config(config, run, stage)
        dump_config(config, run.config(stage))
        checkpoint = work_dir / f'epoch_{config.train_cfg.max_epochs}.pth'
        if not _is_complete(checkpoint):
            arguments: list[str | Path] = [run.config(stage), '--work-dir', work_dir]
            # From weights alone, nothing can be resumed.
            arguments += (
                ['--resume', 'auto'] if config.default_hooks.checkpoint.get('save_optimizer', True) else []
            )
            arguments += ['--amp'] if self.profile.amp else []
            self._call('train.py', *arguments, log=run.folder / f'{stage}.log', gpu=gpu)
        return checkpoint

    def _call(self, tool: str, *arguments: str | Path, log: Path, gpu: str | None) -> None:
        """Call a tool in a process of its own."""
        environment = {}
        if gpu is not None:
            environment['CUDA_VISIBLE_DEVICES'] = gpu
        elif self.num_slots > 1:
            environment['OMP_NUM_THREADS'] = str(max(1, (os.cpu_count() or 1) // self.num_slots))
        process = start_tool(find_file(f'tools/{tool}'), arguments, log, environment)
        self._processes.add(process)
        if self._stopped.is_set():
            end_group(process)
        try:
            process.join()
        finally:
            self._processes.discard(process)
        if process.exitcode:
            raise RunError(f'{tool}: {last_words(log)} ({log})')


def _is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint was written completely; MMEngine notes its name after that."""
    try:
        return is_zipfile(checkpoint) and last_checkpoint(checkpoint.parent) == checkpoint
    except FileNotFoundError:
        return False
