"""Runs: one row with one seed, and its files."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmroi.benchmark.conditions import under_condition
from mmroi.benchmark.profiles import for_testing, network_config, read_config, stage_configs
from mmroi.benchmark.suites import Row
from mmroi.evaluation import MeshResults
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.output_folders import own_folder
from mmroi.utils.installation import find_file

RECORDED = ('people_seen', 'date', 'device', 'code')  # in Run.record


class RunError(RuntimeError):
    """A training or a test failed."""


@dataclass(frozen=True)
class Run:
    """A row with a seed, and where its files are.

    Attributes:
        row: The row.
        seed: The seed.
        folder: Folder of its trainings, which the conditions of a row share.
    """

    row: Row
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """Row and seed."""
        return self.row.full_name if self.row.checkpoint else f'{self.row.full_name}, seed {self.seed}'

    @property
    def test_folder(self) -> Path:
        """Folder of its test."""
        condition = self.row.condition
        return self.folder / 'conditions' / condition.name if condition else self.folder

    @property
    def results(self) -> Path:
        """Predictions and annotations, as ``tools/test.py --out`` writes them."""
        return self.test_folder / 'results.npz'

    @property
    def errors(self) -> Path:
        """Folder of the errors of each person, as ``MeshMetric`` writes them."""
        return self.test_folder / 'errors'

    @property
    def record(self) -> Path:
        """When and where the row was tested; written last, so that it marks a complete run."""
        return self.test_folder / 'run.json'

    @property
    def failure(self) -> Path:
        """Message of a run that failed."""
        return self.test_folder / 'failure.txt'

    @property
    def is_done(self) -> bool:
        """Whether the row was trained and tested, its files can be read, and its checkpoint is as it was."""
        if not (self.record.is_file() and self.results.is_file()) or self.damage is not None:
            return False
        try:
            checkpoint = find_file(self.row.checkpoint) if self.row.checkpoint else None
        except FileNotFoundError:  # what it gave is still there
            return True
        return checkpoint is None or checkpoint.stat().st_mtime <= self.record.stat().st_mtime

    @property
    def damage(self) -> str | None:
        """What is wrong with a file that the test wrote; None if those that exist can be read."""
        readers = (
            (self.record, _read_record),
            (self.results, MeshResults),
            (self.config('test'), _read_test),
        )
        for path, read in readers:
            if path.is_file() and (error := _find_damage(path, read)):
                return f'{path} is damaged ({error}); without --report-only the same command makes it again'
        return None

    def read_record(self) -> dict[str, Any]:
        """Read the record.

        Raises:
            ValueError: It is damaged.
        """
        return _read_record(self.record)

    def read_failure(self) -> str | None:
        """Return the message of a run that failed; None if it did not, or is done."""
        if self.is_done:
            return None
        if self.failure.is_file():
            return self.failure.read_text(encoding='utf-8', errors='replace').strip() or 'it gave no reason'
        return self.damage

    def config(self, stage: str) -> Path:
        """Return the path of the generated config of ``train``, ``finetune`` or ``test``."""
        return (self.test_folder if stage == 'test' else self.folder) / f'{stage}.py'

    @property
    def weights(self) -> Path:
        """The checkpoint that was tested."""
        if self.row.checkpoint:
            return find_file(self.row.checkpoint)
        return last_checkpoint(self.stages[-1])

    @property
    def stages(self) -> list[Path]:
        """Work folders of the trainings that have begun, in order."""
        return [path for path in (self.folder / 'train', self.folder / 'finetune') if path.is_dir()]


def plan(rows: Sequence[Row], seeds: Sequence[int], work_dir: Path) -> list[Run]:
    """List all runs of a suite: every row with the first seed, then with the next.

    Folders are named after configs, so suites share the runs of the rows that they have in common.

    Args:
        rows: Rows. Those that are only quoted have no runs; those with a checkpoint have one.
        seeds: Seeds.
        work_dir: Folder of the profile.

    Returns:
        The runs.

    Raises:
        ValueError: Rows with different configs would have the same folder.
    """
    _check_folders(rows)
    return [
        Run(row, seed, work_dir / 'runs' / _folder(row) / f'seed{seed}')
        for seed in seeds
        for row in rows
        if row.config and (seed == seeds[0] or not row.checkpoint)
    ]


def check_done(run: Run, profile: Config) -> None:
    """Check that a complete run has the current settings.

    Args:
        run: The run.
        profile: The profile.

    Raises:
        RunError: If it has others, or its test set was changed by another condition of the same name.
        ValueError: The row has overrides, or a condition, that do not fit its config.
    """
    stages: Mapping[str, Config] = stage_configs(run.row, profile, run.seed)
    if run.row.checkpoint:
        stages = dict(test=test_config(run, profile))
    for stage, config in stages.items():
        if _is_readable(run.config(stage)):
            check_config(config, run, stage)
    if run.row.condition and 'test' not in stages and _is_readable(run.config('test')):
        check_config(_for_test(run, [*stages.values()][-1]), run, 'test', ('test_dataloader',))


def made_otherwise(runs: Sequence[Run], profile: Config) -> list[str]:
    """Find the complete runs that do not have the current settings.

    Args:
        runs: Runs.
        profile: The profile.

    Returns:
        For each folder of them, which settings differ, or why the current ones cannot be made.
    """
    messages = []
    for run in runs:
        try:
            if run.is_done:
                check_done(run, profile)
        except RunError as error:
            messages.append(str(error))
        except ValueError as error:
            messages.append(f'{run.folder}: {error}')
    return [*dict.fromkeys(messages)]  # conditions share a training


def test_config(run: Run, profile: Config) -> Config:
    """Make the config of a run's test.

    Raises:
        ValueError: The condition of its row does not fit.
    """
    return _for_test(run, network_config(run.row, profile, run.seed))


def _for_test(run: Run, network: Config) -> Config:
    return under_condition(network if run.row.own_crops else for_testing(network), run.row.condition)


def check_config(config: Config, run: Run, stage: str, keys: Sequence[str] | None = None) -> None:
    """Compare a config with the one that a stage of a run was made with.

    Args:
        config: The config of now.
        run: The run.
        stage: The stage.
        keys: Parts of the configs to compare; None for all.

    Raises:
        RunError: If they differ.
    """
    folder = run.config(stage).parent
    try:
        before = read_config(run.config(stage)).to_dict()
    except Exception as error:  # damaged bytes raise almost anything
        raise RunError(f'{run.config(stage)} cannot be read ({error}); remove {folder}') from error
    # A second stage starts from the checkpoint of the first.
    now = dict(config.to_dict(), load_from=before.get('load_from'))
    changed = sorted(key for key in keys or before | now if before.get(key) != now.get(key))
    if changed:
        raise RunError(
            f'{folder} was made with other settings ({", ".join(changed)} differ); remove it, or choose '
            'another --work-dir'
        )


@contextmanager
def locked(work_dir: Path) -> Iterator[None]:
    """Reserve a folder for one benchmark at a time; a killed one releases it.

    Args:
        work_dir: The folder; created if missing.

    Raises:
        RuntimeError: If another benchmark runs in it.
        WriteError: If nothing can be written there.
    """
    with own_folder(work_dir, '--work-dir'):
        yield


def last_checkpoint(work_dir: Path) -> Path:
    """Return the checkpoint that a training names as its last one; moved folders are all right.

    Raises:
        FileNotFoundError: It names none.
    """
    note = work_dir / 'last_checkpoint'
    if not (name := Path(note.read_text(encoding='utf-8', errors='replace').strip()).name):
        raise FileNotFoundError(f'{note} names no checkpoint')
    return note.with_name(name)


def dump_config(config: Config, path: Path) -> None:
    """Write a config whole or not at all."""
    with atomic_write(path) as temporary:
        config.dump(temporary)


def _read_record(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_bytes())
    missing = sorted(set(RECORDED) - set(record))
    if missing:
        raise ValueError(f'it lacks {", ".join(missing)}')
    return dict(record)


def _read_test(path: Path) -> None:
    config = read_config(path)
    if missing := [key for key in ('model', 'test_evaluator') if key not in config]:
        raise ValueError(f'it lacks {", ".join(missing)}')


def _is_readable(config: Path) -> bool:
    return _find_damage(config, read_config) is None


def _find_damage(path: Path, read: Callable[[Path], object]) -> str | None:
    """Return why a file cannot be read, or None."""
    try:
        found = path.stat()
    except OSError as error:
        return str(error.strerror)
    return _damage_of(path, read, found.st_size, found.st_mtime_ns)


@cache
def _damage_of(path: Path, read: Callable[[Path], object], _size: int, _time: int) -> str | None:
    try:
        read(path)
    except Exception as error:  # damaged bytes raise almost anything
        return ' '.join(str(error).split()) or type(error).__name__
    return None


def _check_folders(rows: Sequence[Row]) -> None:
    """Refuse configs of the same name in different folders, of which one would be taken for the other."""
    owners: dict[Path, Row] = {}
    for row in filter(lambda row: row.config, rows):
        owner = owners.setdefault(_folder(row), row)
        if owner.training != row.training:
            raise ValueError(
                f'the rows {owner.name} and {row.name} would share the folder runs/{_folder(row)}: give '
                'their files different names'
            )


def _folder(row: Row) -> Path:
    """Return the folder of a row's runs: its config below ``configs/``, or the name of a config elsewhere.

    A row with overrides has its name there, too.
    """
    config = Path(row.config or '')
    path = Path(config.stem) if config.is_absolute() else config.with_suffix('')
    if row.finetune:
        path = path.with_name(f'{path.name}_then_{Path(row.finetune).stem}')
    if row.checkpoint:
        path = path.with_name(f'{path.name}_from_{Path(row.checkpoint).stem}')
    if row.overrides:
        path = path.with_name(f'{path.name}_{row.name}')
    return path
