"""All measurements that need a GPU, with one command: speed, memory, training, a launcher, and numerics.

    mmroi benchmark-gpu [--steps inference training] [--work-dir work_dirs/gpu]

Each step runs tools of this project in processes of its own, within a time limit, and writes its figures to
WORK_DIR/<step>.json; WORK_DIR/summary.md compares them with the aims. The same command resumes after an
interruption: steps whose figures are of the same commands and the same code are skipped, failed ones are
tried again. Neither datasets nor a network are needed.

--quick --device cpu runs a small step of each kind in less than a minute, as a test.
"""

import argparse
import sys
from pathlib import Path

from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--work-dir', type=Path, default=Path('work_dirs/gpu'), help='default: %(default)s')
    add('--steps', nargs='+', metavar='STEP', help='names of steps, or beginnings of names (default: all)')
    add('--limit', type=float, default=480, help='seconds that a step may take (default: %(default)g)')
    add('--quick', action='store_true', help='small steps whose figures mean nothing')
    add('--device', default='cuda', help='cuda; others only with --quick (default: %(default)s)')
    args = parser.parse_args()
    if args.limit <= 0:
        parser.error(f'--limit must be positive, not {args.limit:g}')
    if not args.quick and args.device != 'cuda':
        parser.error('--device other than cuda is for --quick')
    return args


def main() -> None:
    """Run the steps and write the summary."""
    args = parse_args()
    import torch

    from mmroi.benchmark.gpu_report import write_summary
    from mmroi.benchmark.gpu_steps import gpu_steps, quick_steps
    from mmroi.benchmark.steps import read_record, run_steps, select
    from mmroi.fileio.atomic import atomic_write

    if args.device == 'cuda' and not torch.cuda.is_available():
        raise RuntimeError(
            'there is no GPU that PyTorch can use; --quick --device cpu tests the steps without'
        )
    steps = select(quick_steps(args.device) if args.quick else gpu_steps(), args.steps)
    work_dir = args.work_dir / 'quick' if args.quick else args.work_dir
    failures = run_steps(steps, work_dir, args.limit, lambda text: print(text, flush=True))
    records = {step.name: read_record(step, work_dir) for step in steps}
    figures = {name: record['figures'] for name, record in records.items() if record is not None}
    commands = {step.name: [*map(str, step.commands)] for step in steps}
    summary = write_summary(figures, failures, commands, with_aims=not args.quick)
    with atomic_write(work_dir / 'summary.md') as path:
        path.write_text(summary, encoding='utf-8')
    print(f'{work_dir / "summary.md"}: {len(figures)} of {len(steps)} steps')
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    run_tool(main)
