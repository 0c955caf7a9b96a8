"""Make a table of the paper with one command: ``mmroi benchmark table2 --synthetic --quick``.

Trains and tests each row of a suite with the same data, budget, and seeds, and writes ``report.md``,
``table.csv``, and plots. Without the datasets of the suite, or with ``--synthetic``, the rows are trained on
synthetic images, which are made first, at the scale of a profile. It can be interrupted at any time: the same
command resumes.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

from mmroi.benchmark.project_files import PROFILES, SUITES, names_in
from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train, test, and compare the rows of a table')
    parser.add_argument('suite', help=f'one of {", ".join(names_in(SUITES))}; or the path of a suite')
    parser.add_argument(
        '--synthetic', action='store_true', help='use synthetic images even if the real datasets are present'
    )
    parser.add_argument(
        '--quick', action='store_true', help='few easy synthetic images and two seeds: minutes on two cores'
    )
    parser.add_argument(
        '--profile',
        help=f'one of {", ".join(names_in(PROFILES))}; or the path of a profile (default: depends on the '
        'suite, the data, the GPU, and --quick)',
    )
    parser.add_argument('--seeds', type=int, nargs='+', help="seeds (default: the profile's)")
    parser.add_argument('--rows', nargs='+', help='only these rows')
    parser.add_argument(
        '--gpus', type=int, help='number of GPUs; each trains one row at a time; 0 for none (default: all)'
    )
    parser.add_argument(
        '--jobs',
        type=int,
        default=min(os.cpu_count() or 1, 4),
        help='without GPUs: number of rows trained at a time, which share the cores (default: %(default)s)',
    )
    parser.add_argument(
        '--work-dir', type=Path, help='folder of runs and reports (default: work_dirs/benchmark/PROFILE)'
    )
    parser.add_argument('--report-dir', type=Path, help='folder of the report (default: WORK_DIR/SUITE)')
    parser.add_argument(
        '--report-only', action='store_true', help='train nothing, report the runs that are done'
    )
    args = parser.parse_args()
    if args.seeds and len(set(args.seeds)) < len(args.seeds):
        parser.error('--seeds must differ')
    if args.seeds and min(args.seeds) < 0:
        parser.error(f'--seeds must not be negative, not {min(args.seeds)}')
    if args.jobs < 1:
        parser.error(f'--jobs must be at least 1, not {args.jobs}')
    if args.gpus is not None and args.gpus < 0:
        parser.error(f'--gpus must not be negative, but is {args.gpus}')
    return args


def main() -> None:
    """Run a suite and report it."""
    args = parse_args()
    if args.gpus == 0:  # before PyTorch looks for them, here and in the processes of the runs
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
    from rich.console import Console
    from rich.markdown import Markdown

    from mmroi.benchmark.profiles import choose_profile, load_profile
    from mmroi.benchmark.runs import plan
    from mmroi.benchmark.suite_run import report_suite, run_suite
    from mmroi.benchmark.suites import load_suite
    from mmroi.evaluation import require_matplotlib

    require_matplotlib()
    full = load_suite(args.suite)
    name = args.profile or choose_profile(full, args.synthetic, args.quick)
    profile, suite = load_profile(name), full.select(args.rows)
    work_dir = args.work_dir or Path('work_dirs') / 'benchmark' / Path(name).stem
    folder = args.report_dir or work_dir / suite.name
    runs = plan(suite.tested_rows, args.seeds or profile.seeds, work_dir)
    measured = {}
    if not args.report_only:
        measured = run_suite(suite, profile, runs, work_dir, folder, args.gpus, args.jobs)
    command = shlex.join(['mmroi', 'benchmark', *(a for a in sys.argv[1:] if a != '--report-only')])
    report = report_suite(suite, profile, runs, measured, command, folder, args.report_only)
    console = Console()
    if console.is_terminal:
        console.print(Markdown(report))
    else:
        print(report)
    print(folder / 'report.md')
    if failed := [run.name for run in runs if run.read_failure()]:
        sys.exit(
            f'error: {len(failed)} of {len(runs)} runs failed: {"; ".join(failed)}; the same command tries '
            'them again'
        )


if __name__ == '__main__':
    run_tool(main)
