"""Pack the images of annotation files into a few large tar archives, for disks in a network.

    mmroi pack-images data/preprocessed_datasets/pw3d_train.npz \
        --root data/datasets/pw3d --out data/datasets/pw3d

writes ``data/datasets/pw3d-00000.tar`` and so on, and prints the ``data_prefix`` that reads them in place of
the folder. The images keep their paths and their bytes. Finished archives are kept: to continue an
interrupted run, repeat the command.
"""

import argparse
import os
from pathlib import Path

from mmroi.cli.running import run_tool
from mmroi.utils import ProgressBar, track


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'files', nargs='+', type=Path, help='annotation files (HumanData) of one image folder'
    )
    parser.add_argument('--root', type=Path, required=True, help='folder that their image paths start from')
    parser.add_argument('--out', type=Path, required=True, help='archives to write, without -00000.tar')
    parser.add_argument('--shard-size', type=float, default=1000, metavar='MB', help='default: 1000')
    parser.add_argument('--skip-missing', action='store_true', help='leave out images that do not exist')
    parser.add_argument('--allow-outside', action='store_true', help='follow links out of the folder')
    args = parser.parse_args()
    if args.shard_size <= 0:
        parser.error(f'--shard-size must be positive, not {args.shard_size:g}')
    return args


def main() -> None:
    """Pack what is not packed yet."""
    args = parse_args()
    from mmroi.fileio import HumanData
    from mmroi.fileio.image_packing import (
        find_unfinished,
        measure_images,
        pack_shard,
        plan_shards,
        shards_pattern,
    )
    from mmroi.fileio.output_folders import check_folder

    check_folder(args.out.parent, '--out')
    names = [str(name) for file in args.files for name in HumanData.fromfile(file)['image_path']]
    names = list(dict.fromkeys(names))
    measured = measure_images(names, args.root, args.allow_outside)
    images, missing = [], []
    for name, size in track(measured, total=len(names), description='sizes'):
        if size is None:
            missing.append(name)
        else:
            images.append((name, size))
    if missing and not (args.skip_missing and images):
        raise FileNotFoundError(
            f'{args.root / missing[0]} does not exist, nor do {len(missing) - 1} more images; '
            'correct --root, or leave them out by --skip-missing'
        )
    shards = plan_shards(images, args.out, round(args.shard_size * 1e6))
    unfinished = find_unfinished(shards, args.out)
    done = len(images) - sum(len(shard.names) for shard in unfinished)
    with ProgressBar(len(images), 'packing', completed=done) as bar:
        for shard in unfinished:
            pack_shard(shard, args.root, bar.advance)
    total = sum(size for _, size in images)
    kept = f', {len(shards) - len(unfinished)} of which were there' if len(unfinished) < len(shards) else ''
    skipped = f'; {len(missing)} missing images left out' if missing else ''
    print(f'{len(images)} images, {total / 1e6:.1f} MB, in {len(shards)} archives{kept}{skipped}')
    print(
        f'data_prefix=dict(img_path={os.fspath(shards_pattern(shards, args.out))!r}), relative to data_root'
    )


if __name__ == '__main__':
    run_tool(main)
