"""One command for a table of the paper: ``python tools/benchmark.py table2 --synthetic --quick``.

Trains and tests each row of a suite (``configs/_suites_``) with the same data, budget and seeds, and writes
``report.md``, ``table.csv`` and pictures. Where the data sets of the suite are missing, and with
``--synthetic``, rows are trained on the project's own photographs, which are made first, at the scale of a
profile (``configs/_profiles_``). It may be stopped at any moment; called again it goes on where it was.
"""

import argparse
import os
import shlex
import signal
import sys
import time
from pathlib import Path

import torch
from mmengine.config import Config

from mmroi.benchmark.measured_speed import measure_speed
from mmroi.benchmark.plots import draw_all
from mmroi.benchmark.profiles import choose_profile, load_profile, missing_files, stage_configs
from mmroi.benchmark.report import format_number, write_report
from mmroi.benchmark.results import METRIC_NAMES, Measured, mean_pose, measure, summarize
from mmroi.benchmark.running import Run, Runner, check_done, locked, plan
from mmroi.benchmark.suites import SUITES, Suite, load_suite
from mmroi.engine.body_model import check_body_model
from mmroi.engine.launch import run_tool
from mmroi.evaluation import require_matplotlib
from mmroi.synthetic import StudioSettings, make_dataset


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    suites = ', '.join(sorted(path.stem for path in SUITES.glob('[!_]*.py')))
    parser = argparse.ArgumentParser(description='Train, test and compare the rows of a table')
    parser.add_argument('suite', help=f'one of {suites}; or the path of a suite of your own')
    parser.add_argument(
        '--synthetic',
        action='store_true',
        help='synthetic photographs, even where the real data sets are there',
    )
    parser.add_argument(
        '--quick', action='store_true', help='minutes on two cores: few easy photographs, one seed'
    )
    parser.add_argument(
        '--profile',
        help='profile in configs/_profiles_, or its path (default: what data, GPU and --quick suggest)',
    )
    parser.add_argument('--seeds', type=int, nargs='+', help="seeds (default: the profile's)")
    parser.add_argument('--rows', nargs='+', help='only these rows')
    parser.add_argument('--gpus', type=int, help='GPUs, each of which trains a row (default: all)')
    parser.add_argument(
        '--jobs',
        type=int,
        default=min(os.cpu_count() or 1, 4),
        help='without GPUs: rows that are trained side by side, sharing the cores (default: %(default)s)',
    )
    parser.add_argument(
        '--work-dir', type=Path, help='folder of runs and reports (default: work_dirs/benchmark/PROFILE)'
    )
    parser.add_argument('--report-only', action='store_true', help='train nothing, report what has been run')
    args = parser.parse_args()
    if args.seeds and len(set(args.seeds)) < len(args.seeds):
        parser.error('--seeds must differ')
    if args.jobs < 1:
        parser.error(f'--jobs must be at least 1, not {args.jobs}')
    return args


class Progress:
    """Prints one line for each run that ends, and how long the others will take."""

    def __init__(self, total: int, done: int) -> None:
        """Start the clock.

        Args:
            total: Number of runs of the suite.
            done: How many were done before.
        """
        self.total, self.done, self.measured = total, done, dict[str, Measured]()
        self._before, self._start = done, time.monotonic()

    def __call__(self, run: Run) -> None:
        """Print the line of a run that has ended."""
        self.done += 1
        if run.is_done:
            one = self.measured[run.name] = measure(run)
            values = [
                f'{name} {format_number(name, one.numbers[name])}'
                for name in METRIC_NAMES
                if name in one.numbers
            ]
            words = ', '.join(values)
        else:
            words = f'FAILED: {run.failure.read_text(encoding="utf-8").strip()}'
        minutes = (time.monotonic() - self._start) / 60
        left = (self.total - self.done) * minutes / (self.done - self._before)
        print(
            f'[{self.done}/{self.total}] {run.name}: {words}; {minutes:.1f} min, about {left:.0f} left',
            flush=True,
        )


def make_photographs(photos: Config) -> None:
    """Make the synthetic photographs that a profile asks for, or what is missing of them."""
    counts = (photos.num_train, photos.num_val)
    settings = StudioSettings(photos.preset, photos.image_size, photos.seed)
    print(f'{photos.out}: {sum(counts)} synthetic photographs, made now where they are missing', flush=True)
    made = make_dataset(photos.out, settings, *counts, workers=os.cpu_count() or 1)
    print(
        f'{photos.out}: {made["train"]} people to train with, {made["val"]} to test, {made["new_images"]} '
        'new photographs',
        flush=True,
    )


def check_data(suite: Suite, profile: Config) -> None:
    """Fail early where real data sets or the body model are missing."""
    for row in suite.rows:
        for config in stage_configs(row, profile, 0).values() if row.config else ():
            try:
                check_body_model(config, 'train', 'val', 'test')
            except FileNotFoundError as error:
                raise FileNotFoundError(f'{error} The benchmark itself takes --synthetic instead.') from error
            if files := missing_files(config):
                raise FileNotFoundError(
                    f'{", ".join(files)} missing; docs/data.md says how to make them, '
                    '--synthetic does without'
                )


def run_suite(
    suite: Suite, profile: Config, runs: list[Run], args: argparse.Namespace
) -> dict[str, Measured]:
    """Run what is not done; returns what was measured on the way."""
    todo = [run for run in runs if not run.is_done]
    if todo and 'photos' in profile:
        make_photographs(profile.photos)
    check_data(suite, profile)
    for run in runs:
        if run.is_done:
            check_done(run, profile)
    available = torch.cuda.device_count()
    gpus = available if args.gpus is None else args.gpus
    if gpus > available:
        raise ValueError(f'--gpus {gpus}, but PyTorch finds {available}; CUDA_VISIBLE_DEVICES may hide some')
    with locked(args.work_dir):
        print(
            f'{suite.title}: {profile.title}; {len(todo)} of {len(runs)} runs to do, in {args.work_dir}',
            flush=True,
        )
        progress = Progress(len(runs), len(runs) - len(todo))
        Runner(profile, gpus, args.jobs, progress).run(todo)
        if 'fps' in suite.columns:
            measure_speed(runs)
    return progress.measured


def main() -> None:
    """Run a suite and reports."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # which nohup does to the latter
            signal.signal(ending, lambda *_: sys.exit('stopped; the same command goes on'))
    args = parse_args()
    require_matplotlib()
    full = load_suite(args.suite)
    name = args.profile or choose_profile(full, args.synthetic, args.quick)
    profile = load_profile(name)
    suite = full.select(args.rows)
    args.work_dir = args.work_dir or Path('work_dirs') / 'benchmark' / Path(name).stem
    folder = args.work_dir / suite.name
    runs = plan(suite.rows, args.seeds or profile.seeds, args.work_dir)
    measured = {} if args.report_only else run_suite(suite, profile, runs, args)
    summaries = summarize(runs, suite.rows, measured)
    done = [run for run in runs if run.is_done]
    pictures = draw_all(summaries, folder)
    arguments = [argument for argument in sys.argv[1:] if argument != '--report-only']
    command = shlex.join(['python', 'tools/benchmark.py', *arguments])
    baseline = mean_pose(done[0]) if done else {}
    print(write_report(suite, profile, summaries, baseline, pictures, command, folder))
    print(folder / 'report.md')
    if failed := [run.name for run in runs if not run.is_done and run.failure.is_file()]:
        sys.exit(
            f'error: {len(failed)} of {len(runs)} runs failed: {"; ".join(failed)}; the same command '
            'tries them again'
        )


if __name__ == '__main__':
    run_tool(main)
