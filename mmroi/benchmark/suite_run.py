"""Makes the data of a suite, executes its runs, and reports them."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.config import Config

from mmroi.benchmark.columns import METRICS, format_number
from mmroi.benchmark.comparison import compare
from mmroi.benchmark.conditions import detect_people
from mmroi.benchmark.frame_rate import measure_frame_rates, read_frame_rates
from mmroi.benchmark.people_images import draw_people
from mmroi.benchmark.person_groups import person_groups
from mmroi.benchmark.photos import draw_photos
from mmroi.benchmark.plots import draw_all
from mmroi.benchmark.profiles import missing_files, network_config, stage_configs, synthetic_sets
from mmroi.benchmark.report import write_report
from mmroi.benchmark.results import Measured, mean_pose, measure, summarize
from mmroi.benchmark.run_pool import RunPool
from mmroi.benchmark.runs import Run, check_done, locked, made_otherwise
from mmroi.benchmark.suites import Suite
from mmroi.engine.body_model import check_body_model
from mmroi.engine.feature_cache import use_feature_cache
from mmroi.fileio.output_folders import check_folder
from mmroi.synthetic import StudioSettings, make_dataset
from mmroi.utils.errors import explain
from mmroi.utils.installation import find_page

SPEED = 'speed.json'
T = TypeVar('T')


class Progress:
    """Prints one line for each run that ends, and the estimated time for the others."""

    def __init__(self, total: int, done: int) -> None:
        """Start the clock.

        Args:
            total: Number of runs of the suite.
            done: Number of those that were done before.
        """
        self.total, self.done, self.measured = total, done, dict[str, Measured]()
        self._before, self._start = done, time.monotonic()

    def __call__(self, run: Run) -> None:
        """Print the line of a run that has ended."""
        self.done += 1
        try:
            message = self._describe(run)
        except Exception as error:  # of one row: the others go on
            message = f'FAILED: {explain(error)}'
        minutes = (time.monotonic() - self._start) / 60
        left = (self.total - self.done) * minutes / (self.done - self._before)
        line = f'[{self.done}/{self.total}] {run.name}: {message}; {minutes:.1f} min, about {left:.0f} left'
        print(line, flush=True)

    def _describe(self, run: Run) -> str:
        if not run.is_done:
            return f'FAILED: {run.read_failure() or "it left no message"}'
        one = self.measured[run.name] = measure(run)
        numbers = {name: one.numbers[name] for name in METRICS if name in one.numbers}
        return ', '.join(f'{name} {format_number(name, value)}' for name, value in numbers.items())


def make_images(settings: Config) -> None:
    """Make the synthetic dataset of a profile, or what is missing of it."""
    counts = (settings.num_train, settings.num_val)
    studio = StudioSettings(settings.preset, settings.image_size, settings.seed)
    print(f'{settings.out}: {sum(counts)} synthetic images, making those that are missing', flush=True)
    made = make_dataset(settings.out, studio, *counts, workers=os.cpu_count() or 1)
    print(
        f'{settings.out}: {made["train"]} people for training, {made["val"]} for the test, '
        f'{made["new_images"]} new images',
        flush=True,
    )


def check_data(suite: Suite, profile: Config) -> None:
    """Check that the datasets and the body model of every row exist.

    Raises:
        FileNotFoundError: If a file is missing; says how to get it.
    """
    for row in suite.rows:
        if not row.config:
            continue
        stages = ('test',) if row.checkpoint else ('train', 'val', 'test')
        for config in stage_configs(row, profile, 0).values() or [network_config(row, profile, 0)]:
            try:
                check_body_model(config, *stages)
            except FileNotFoundError as error:
                raise FileNotFoundError(f'{error} Or benchmark on synthetic images: --synthetic.') from error
            if files := missing_files(config, *stages):
                raise FileNotFoundError(
                    f'{", ".join(files)} missing; see {find_page("data.md")}, or use synthetic '
                    'images: --synthetic'
                )


def _one_of_each_row(runs: Sequence[Run]) -> list[Run]:
    """Leave out the other seeds, on which neither data nor features depend."""
    return [*{run.row: run for run in runs}.values()]


def compute_features(runs: Sequence[Run], profile: Config) -> None:
    """Fill the feature caches that the runs share, with a progress bar that they could not show."""
    for run in _one_of_each_row(runs):
        for config in stage_configs(run.row, profile, run.seed).values():
            with suppress(ImportError, OSError, ValueError):  # the run meets it again and reports it
                use_feature_cache(config)


def has_speed(suite: Suite) -> bool:
    """Whether a suite has a column of speed."""
    return bool({'fps', 'ms'} & set(suite.columns))


def run_suite(
    suite: Suite,
    profile: Config,
    runs: Sequence[Run],
    work_dir: Path,
    folder: Path,
    gpus: int | None,
    jobs: int,
) -> dict[str, Measured]:
    """Execute the runs that are not done, and measure speeds if the suite has a column for them.

    Args:
        suite: The suite.
        profile: The profile.
        runs: All runs of the suite.
        work_dir: Folder of the profile.
        folder: Folder of the report.
        gpus: Number of GPUs; None for all.
        jobs: Without GPUs: number of runs at a time.

    Returns:
        What the new runs measured, by name.

    Raises:
        FileNotFoundError: If a dataset or a body model is missing.
        RunError: If a complete run has other settings.
        RuntimeError: If another benchmark runs in the folder.
        ValueError: If there are fewer GPUs.
        WriteError: If nothing can be written into the folder.
    """
    check_folder(work_dir, '--work-dir')
    todo = [run for run in runs if not run.is_done]
    if todo and 'synthetic' in profile:
        for images in synthetic_sets(profile):
            make_images(images)
    check_data(suite, profile)
    for run in runs:
        if run.is_done:
            check_done(run, profile)
    available = torch.cuda.device_count()
    gpus = available if gpus is None else gpus
    if gpus > available:
        raise ValueError(f'--gpus {gpus}, but PyTorch finds {available}; CUDA_VISIBLE_DEVICES may hide some')
    with locked(work_dir):
        title = f'{suite.title}: {profile.title}'
        print(f'{title}; {len(todo)} of {len(runs)} runs to do, in {work_dir}', flush=True)
        for run in _one_of_each_row(todo):
            if run.row.condition:
                detect_people(network_config(run.row, profile, run.seed), run.row.condition)
        compute_features(todo, profile)
        progress = Progress(len(runs), len(runs) - len(todo))
        RunPool(profile, gpus, jobs, progress).run(todo)
        if has_speed(suite):
            try:
                measure_frame_rates(runs, profile, folder / SPEED)
            except Exception as error:  # the report says which rows lack it
                print(f'speeds cannot be measured: {explain(error)}', flush=True)
    return progress.measured


def report_suite(
    suite: Suite,
    profile: Config,
    runs: Sequence[Run],
    measured: Mapping[str, Measured],
    command: str,
    folder: Path,
    report_only: bool = False,
) -> str:
    """Write ``report.md``, ``table.csv``, plots, and images of people.

    What cannot be made is named in the report and printed, except for the tables.

    Args:
        suite: The suite.
        profile: The profile.
        runs: All runs of the suite.
        measured: Runs that are measured already, by name.
        command: The command that makes the report.
        folder: Folder to write to; created if missing.
        report_only: Name the runs that do not have the current settings, which a benchmark would have
            refused.

    Returns:
        The report, as Markdown.
    """
    lacking: list[str] = []

    def attempt(what: str, function: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return function(*arguments)
        except Exception as error:  # without it, a report is still a report
            lacking.append(f'{what}: {explain(error)}')
            print(f'the report lacks {lacking[-1]}', flush=True)
            return None

    rates = None
    if has_speed(suite):
        rates = attempt('speed', read_frame_rates, folder / SPEED, runs, profile)
        done = dict.fromkeys(run.row.name for run in runs if run.is_done)
        if unknown := [name for name in done if rates is None or name not in rates.fps]:
            lacking.append(f'speed of {", ".join(unknown)}: not measured with the others of the table')
    summaries = summarize(runs, suite.tested_rows, dict(measured), rates)
    compared = compare(suite, summaries)
    plots = attempt('plots', draw_all, summaries, compared.all, folder) or []
    readable = [one.run for summary in summaries for one in summary.measured]
    of_last_row = [run for run in readable if run.row == suite.tested_rows[-1]]
    if suite.num_images and of_last_row:
        attempt('images of people', draw_people, of_last_row[0], folder / 'pictures', suite.num_images)
    if suite.photos and of_last_row:
        photos = folder / 'pictures' / 'real_people.jpg'
        attempt('photos', draw_photos, of_last_row[0], photos)
    condition = suite.conditions[0] if suite.conditions else None
    first = min((run for run in readable if run.row.condition == condition), key=runs.index, default=None)
    baseline = first and attempt('mean pose', mean_pose, first)
    people = None
    if first and suite.groups:
        test = first.config('test'), first.results
        people = attempt('groups of people', person_groups, *test, suite.groups)
    return write_report(
        suite,
        profile,
        summaries,
        compared,
        baseline or {},
        plots,
        command,
        folder,
        people=people,
        made_otherwise=made_otherwise(runs, profile) if report_only else (),
        lacking=lacking,
    )
