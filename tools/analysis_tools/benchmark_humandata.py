"""Cost of opening a HumanData file and of reading it in the workers of a loader.

    mmroi benchmark-humandata [FILE] [--rows 300000] [--workers 4] [--json FILE]

Without FILE, a compressed file is made, laid out as MMHuman3D writes Human3.6M: 17 of 190 joints, float64,
SMPL parameters as a pickle. It is opened twice, each time in a new process: the first time it is unpacked,
the second time the unpacked copy is memory-mapped. Then the workers read people in random order. Memory is
what the process takes on top of its libraries, and what a worker takes at most on top of what it started
with; memory-mapped pages that workers share are divided among them in "its share" (Linux).
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from mmroi.cli.arguments import positive_int
from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('file', nargs='?', type=Path, help='HumanData npz (default: one is made)')
    parser.add_argument('--rows', type=positive_int, default=300_000, help='rows of the file that is made')
    parser.add_argument('--workers', type=positive_int, default=4, help='workers that read it')
    parser.add_argument('--json', type=Path, help='also write the figures to this file')
    return parser.parse_args()


def main() -> None:
    """Measure and print the figures."""
    args = parse_args()
    from mmroi.benchmark.speed.humandata import in_new_process, make_h36m_file, open_file, read_in_workers
    from mmroi.fileio.atomic import atomic_write

    if args.file and not args.file.is_file():
        raise FileNotFoundError(f'{args.file} does not exist')
    folder = Path(tempfile.mkdtemp(dir=args.file.parent if args.file else None))
    try:
        path = folder / 'people.npz'
        if args.file:
            path.symlink_to(args.file.resolve())
        else:
            in_new_process(make_h36m_file, path, args.rows)
        file_mb = path.stat().st_size / 2**20
        openings = {name: in_new_process(open_file, path) for name in ('first', 'second')}
        copy_mb = sum(file.stat().st_size for file in folder.glob('*.cache')) / 2**20
        workers = read_in_workers(path, args.workers)
    finally:
        shutil.rmtree(folder)
    for name, opening in openings.items():
        text = '{seconds:.2f} s ({cpu_seconds:.2f} s of CPU), {memory_mb:.0f} MB, at most {peak_mb:.0f} MB'
        text = text.format(**opening)
        print(f'{name} opening: {text}')
    for index, worker in enumerate(workers):
        text = '{own_mb:.0f} MB of its own, {share_mb:.0f} MB with its share, {resident_mb:.0f} MB resident'
        print(f'worker {index}: {text}; {{microseconds:.0f}} us per person'.format(**worker))
    print(f'file {file_mb:.0f} MB, unpacked copy {copy_mb:.0f} MB')
    if args.json:
        figures = dict(file_mb=file_mb, **openings, copy_mb=copy_mb, workers=workers)
        with atomic_write(args.json) as temporary:
            temporary.write_text(json.dumps(figures, indent=2), encoding='utf-8')


if __name__ == '__main__':
    run_tool(main)
