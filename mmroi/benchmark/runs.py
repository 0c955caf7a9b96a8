"""Runs: one row with one seed, and its files."""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmroi.benchmark.profiles import for_testing, network_config, read_config, stage_configs
from mmroi.benchmark.suites import Row
from mmroi.fileio.installation import find_file


class RunError(RuntimeError):
    """A training or a test failed."""


@dataclass(frozen=True)
class Run:
    """A row with a seed, and where its files are.

    Attributes:
        row: The row.
        seed: The seed.
        folder: The folder of the run.
    """

    row: Row
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """Row and seed."""
        return self.row.name if self.row.checkpoint else f'{self.row.name}, seed {self.seed}'

    @property
    def results(self) -> Path:
        """Predictions and annotations, as ``tools/test.py --out`` writes them."""
        return self.folder / 'results.npz'

    @property
    def record(self) -> Path:
        """When and where the row was tested; written last, so that it marks a complete run."""
        return self.folder / 'run.json'

    @property
    def speed(self) -> Path:
        """People per second; measured for one run of each row if the suite has the column."""
        return self.folder / 'speed.json'

    @property
    def failure(self) -> Path:
        """Message of a run that failed."""
        return self.folder / 'failure.txt'

    @property
    def is_done(self) -> bool:
        """Whether the row was trained and tested, and a checkpoint of the row has not changed since."""
        if not (self.record.is_file() and self.results.is_file()):
            return False
        checkpoint = self.row.checkpoint
        return not checkpoint or find_file(checkpoint).stat().st_mtime <= self.record.stat().st_mtime

    def config(self, stage: str) -> Path:
        """Return the path of the generated config of ``train``, ``finetune`` or ``test``."""
        return self.folder / f'{stage}.py'

    @property
    def weights(self) -> Path:
        """The checkpoint that was tested."""
        if self.row.checkpoint:
            return find_file(self.row.checkpoint)
        note = self.stages[-1] / 'last_checkpoint'
        return note.with_name(Path(note.read_text(encoding='utf-8').strip()).name)

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
    """
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
        RunError: If it has others.
    """
    stages: Mapping[str, Config] = stage_configs(run.row, profile, run.seed)
    if run.row.checkpoint:
        stages = dict(test=for_testing(network_config(run.row, profile, run.seed)))
    for stage, config in stages.items():
        check_config(config, run, stage)


def check_config(config: Config, run: Run, stage: str) -> None:
    """Compare a config with the one that a stage of a run was made with.

    Args:
        config: The config of now.
        run: The run.
        stage: The stage.

    Raises:
        RunError: If they differ.
    """
    before = read_config(run.config(stage)).to_dict()
    # A second stage starts from the checkpoint of the first.
    now = dict(config.to_dict(), load_from=before.get('load_from'))
    changed = sorted(key for key in before | now if before.get(key) != now.get(key))
    if changed:
        raise RunError(
            f'{run.folder} was made with other settings ({", ".join(changed)} differ); remove it, or choose '
            'another --work-dir'
        )


@contextmanager
def locked(work_dir: Path) -> Iterator[None]:
    """Reserve a folder for one benchmark at a time; a killed one releases it.

    Args:
        work_dir: The folder; created if missing.

    Raises:
        RuntimeError: If another benchmark runs in it.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with open(work_dir / '.lock', 'w', encoding='utf-8') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RuntimeError(
                f'another benchmark runs in {work_dir}; wait for it, or choose another --work-dir'
            ) from error
        yield


def _folder(row: Row) -> Path:
    """Return the folder of a row's runs: its config below ``configs/``, or the name of a config elsewhere."""
    config = Path(row.config or '')
    path = Path(config.stem) if config.is_absolute() else config.with_suffix('')
    if row.finetune:
        path = path.with_name(f'{path.name}_then_{Path(row.finetune).stem}')
    if row.checkpoint:
        path = path.with_name(f'{path.name}_from_{Path(row.checkpoint).stem}')
    return path
