"""Render a synthetic dataset: JPEG images of dressed bodies and their exact ground truth as HumanData."""

import argparse
import os
import time

from mmroi.cli.running import run_tool
from mmroi.utils.choices import PRESETS
from mmroi.utils.errors import explain


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='To resume an interrupted run, repeat the command. The images depend on the preset, the image '
        'size and the seed, not on the number of workers.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--preset',
        choices=PRESETS,
        default='full',
        help='easy: facing the camera, mild poses, mostly one person; full: everything; '
        'frontal: orientations and poses of easy, cameras, groups and occlusion of full; '
        'natural: everyday people as in photos, close and far, often cut off by the frame',
    )
    parser.add_argument('--out', help='folder to write (default: data/synthetic/PRESET)')
    parser.add_argument('--num-train', type=int, default=20000, help='number of training images')
    parser.add_argument('--num-val', type=int, default=500, help='number of validation images')
    parser.add_argument(
        '--image-size',
        type=int,
        help='long side of the images in pixels (default: 384 for natural, 256 for the others)',
    )
    parser.add_argument('--seed', type=int, default=0, help='random seed')
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, help='number of processes')
    parser.add_argument(
        '--sheet',
        metavar='PNG',
        help='also draw the first 40 training images with their annotations into this file',
    )
    return parser.parse_args()


def main() -> None:
    """Make the dataset."""
    args = parse_args()
    from mmroi.fileio.image_writing import write_image
    from mmroi.synthetic import StudioSettings, contact_sheet, get_preset, make_dataset

    out = args.out or os.path.join('data', 'synthetic', args.preset)
    start = time.monotonic()
    try:
        result = make_dataset(
            out,
            StudioSettings(args.preset, args.image_size or get_preset(args.preset)['image_size'], args.seed),
            args.num_train,
            args.num_val,
            args.workers,
        )
        if args.sheet:
            write_image(args.sheet, contact_sheet(out))
    except (OSError, ValueError) as error:
        raise SystemExit(f'make_synthetic: {explain(error)}') from error
    seconds = time.monotonic() - start
    people = [f'{result[split]} people in {split}.npz' for split in ('train', 'val') if split in result]
    print(f'{out}: {", ".join(people)}; {result["new_images"]} new images in {seconds:.0f} s')


if __name__ == '__main__':
    run_tool(main)
