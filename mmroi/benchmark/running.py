"""Runs: one row with one seed, trained and tested by the tools that a user has."""

import ctypes
import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import torch
from mmengine.config import Config

import mmroi.engine  # noqa: F401  MMEngine's checkpoints become readable
from mmroi.benchmark.machine import describe_code, describe_device
from mmroi.benchmark.profiles import for_testing, stage_configs
from mmroi.benchmark.suites import Row

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
TOOLS = Path(__file__).resolve().parents[2] / 'tools'


class RunError(RuntimeError):
    """A training or a test ended with an error; the message is its last words."""


@dataclass(frozen=True)
class Run:
    """A row with a seed, and where its files are.

    Attributes:
        row: The row.
        seed: The seed.
        folder: Its folder.
    """

    row: Row
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """Row and seed."""
        return f'{self.row.name}, seed {self.seed}'

    @property
    def results(self) -> Path:
        """Predictions and labels, as ``tools/test.py --out`` writes them."""
        return self.folder / 'results.npz'

    @property
    def record(self) -> Path:
        """When and where it was tested; written last, so that it marks a complete run."""
        return self.folder / 'run.json'

    @property
    def speed(self) -> Path:
        """People per second, measured of one run of a row where a suite asks for it."""
        return self.folder / 'speed.json'

    @property
    def failure(self) -> Path:
        """Last words of a run that failed."""
        return self.folder / 'failure.txt'

    @property
    def is_done(self) -> bool:
        """Whether it was trained and tested."""
        return self.record.is_file() and self.results.is_file()

    def config(self, stage: str) -> Path:
        """The generated config of ``train``, ``finetune`` or ``test``."""
        return self.folder / f'{stage}.py'

    @property
    def stages(self) -> list[Path]:
        """Work folders of its trainings, in order, those that there are."""
        return [path for path in (self.folder / 'train', self.folder / 'finetune') if path.is_dir()]


def plan(rows: Sequence[Row], seeds: Sequence[int], work_dir: Path) -> list[Run]:
    """All runs of a suite: each row with the first seed, then with the next.

    Folders are named by configs, so that suites share the runs of the rows that they have in common.

    Args:
        rows: Rows; those that are only quoted have no runs.
        seeds: Seeds.
        work_dir: Folder of the profile.

    Returns:
        The runs.
    """
    return [
        Run(row, seed, work_dir / 'runs' / _folder(row.config, row.finetune) / f'seed{seed}')
        for seed in seeds
        for row in rows
        if row.config
    ]


def check_done(run: Run, profile: Config) -> None:
    """Make sure that a run that is done was made with the settings of now.

    Args:
        run: The run.
        profile: The profile.

    Raises:
        RunError: If it was not.
    """
    for stage, config in stage_configs(run.row, profile, run.seed).items():
        _check_config(config, run, stage)


@contextmanager
def locked(work_dir: Path) -> Iterator[None]:
    """Keep a folder for one benchmark at a time; one that was killed no longer holds it.

    Args:
        work_dir: The folder; made if missing.

    Raises:
        RuntimeError: If another benchmark is at work in it.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with open(work_dir / '.lock', 'w', encoding='utf-8') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RuntimeError(
                f'another benchmark is at work in {work_dir}; wait for it, or choose another --work-dir'
            ) from error
        yield


class Runner:
    """Runs what is not done yet, side by side on GPUs or on the cores of a CPU."""

    def __init__(self, profile: Config, gpus: int, jobs: int, report: Callable[[Run], None]) -> None:
        """Prepares.

        Args:
            profile: The profile.
            gpus: Number of GPUs, as many as there are at most, each of which has one run at a time.
            jobs: Without GPUs: number of runs at a time, which share the cores.
            report: Called with each run as it ends, done or failed.
        """
        self.profile = profile
        self.report = report
        self._slots: queue.Queue[str | None] = queue.Queue()
        visible = os.environ.get('CUDA_VISIBLE_DEVICES')
        names: list[str | None] = list(visible.split(',') if visible else map(str, range(gpus)))[:gpus]
        slots = names or [None] * jobs
        for name in slots:
            self._slots.put(name)
        self.num_slots = len(slots)
        self._processes: set[subprocess.Popen] = set()
        self._stopped = threading.Event()
        self._reporting = threading.Lock()

    def run(self, runs: Sequence[Run]) -> None:
        """Runs; a failing run is reported, and the others go on.

        Args:
            runs: Runs that are not done.

        Raises:
            KeyboardInterrupt, SystemExit: When stopped; the processes are then ended.
        """
        with ThreadPoolExecutor(self.num_slots) as pool:
            futures = [pool.submit(self._run, run) for run in runs]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(self._processes):
                    _end_group(process)
                raise

    def _run(self, run: Run) -> None:
        gpu = self._slots.get()
        try:
            run.failure.unlink(missing_ok=True)
            self._execute(run, gpu)
        except (RunError, OSError) as error:
            if self._stopped.is_set():
                return
            run.folder.mkdir(parents=True, exist_ok=True)
            run.failure.write_text(f'{error}\n', encoding='utf-8')
        finally:
            self._slots.put(gpu)
        with self._reporting:
            self.report(run)

    def _execute(self, run: Run, gpu: str | None) -> None:
        checkpoint, people_seen = None, 0
        for stage, config in stage_configs(run.row, self.profile, run.seed).items():
            if checkpoint is not None:
                config.load_from = str(checkpoint)
            work_dir = run.folder / stage
            if (work_dir / 'last_checkpoint').is_file():
                _check_config(config, run, stage)
            run.folder.mkdir(parents=True, exist_ok=True)
            config.dump(run.config(stage))
            checkpoint = work_dir / f'epoch_{config.train_cfg.max_epochs}.pth'
            if not _has_ended(checkpoint):
                amp = ['--amp'] if self.profile.amp else []
                self._call(
                    'train.py',
                    run.config(stage),
                    '--work-dir',
                    work_dir,
                    '--resume',
                    'auto',
                    *amp,
                    log=run.folder / f'{stage}.log',
                    gpu=gpu,
                )
            meta = torch.load(checkpoint, map_location='cpu', mmap=True, weights_only=True)['meta']
            people_seen += meta['iter'] * config.train_dataloader.batch_size
        for_testing(config).dump(run.config('test'))
        self._call(
            'test.py',
            run.config('test'),
            checkpoint,
            '--work-dir',
            run.folder / 'test',
            '--out',
            run.results,
            log=run.folder / 'test.log',
            gpu=gpu,
        )
        record = dict(
            people_seen=people_seen,
            date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            device=describe_device(),
            code=describe_code(),
        )
        run.record.write_text(json.dumps(record, indent=2), encoding='utf-8')

    def _call(self, tool: str, *arguments: str | Path, log: Path, gpu: str | None) -> None:
        """Call a tool in a process of its own."""
        command = [sys.executable, TOOLS / tool, *arguments]
        # Also where the package is not installed.
        path = os.pathsep.join(filter(None, (str(TOOLS.parent), os.environ.get('PYTHONPATH'))))
        environment = dict(os.environ, PYTHONPATH=path)
        if gpu is not None:
            environment['CUDA_VISIBLE_DEVICES'] = gpu
        elif self.num_slots > 1:
            environment['OMP_NUM_THREADS'] = str(max(1, (os.cpu_count() or 1) // self.num_slots))
        with open(log, 'a', encoding='utf-8') as file:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
            self._processes.add(process)
            if self._stopped.is_set():
                _end_group(process)
            try:
                code = process.wait()
            finally:
                self._processes.discard(process)
        if code:
            raise RunError(f'{tool}: {last_words(log)} ({log})')


def _end_group(process: subprocess.Popen) -> None:
    """End a tool together with its loader processes, which would outlive it."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass


def _end_with_parent() -> None:
    """Let a new process be interrupted when this one is killed, so that no two train in the same folder."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # `nohup command &` has it ignored
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def last_words(log: Path) -> str:
    """The last line of a log that says something.

    Args:
        log: The log.

    Returns:
        The line.
    """
    lines = log.read_text(encoding='utf-8', errors='replace').split('\n')
    return next((line.strip() for line in reversed(lines) if line.strip()), 'no output')


def _has_ended(checkpoint: Path) -> bool:
    """Whether a training has saved this checkpoint to the end; MMEngine notes its name after that."""
    note = checkpoint.with_name('last_checkpoint')
    return (
        checkpoint.is_file()
        and note.is_file()
        and Path(note.read_text(encoding='utf-8').strip()).name == checkpoint.name
    )


def _check_config(config: Config, run: Run, stage: str) -> None:
    """Compare a config with the one under which a training was made."""
    made = Config.fromfile(run.config(stage), import_custom_modules=False).to_dict()
    # What a second stage starts from is the end of the first.
    now = dict(config.to_dict(), load_from=made.get('load_from'))
    changed = sorted(key for key in made | now if made.get(key) != now.get(key))
    if changed:
        raise RunError(
            f'{run.folder} holds a training under other settings than now ({", ".join(changed)} '
            'differ); remove it, or choose another --work-dir'
        )


def _folder(config: str, finetune: str | None) -> Path:
    """Folder of a config's runs: as under ``configs/``; of a file elsewhere, its name."""
    path = Path(Path(config).stem) if Path(config).is_absolute() else Path(config).with_suffix('')
    return path.with_name(f'{path.name}_then_{Path(finetune).stem}') if finetune else path
