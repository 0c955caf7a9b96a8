"""Replace the boxes of an annotation file by those that a person detector finds.

``mmroi detect-boxes data/people/val.npz data/people/val_detected.npz``
"""

import argparse
from pathlib import Path

from mmroi.cli.arguments import positive_float
from mmroi.cli.people_arguments import add_detector_arguments
from mmroi.cli.running import run_tool
from mmroi.utils.choices import MATCH_IOU

EPILOG = """
A network that is tested on annotated boxes sees better boxes than it will get in practice. Each annotated
person gets the detected box that overlaps the annotated one, at most one each; everything else of the file
stays. misc['detection_iou'] of the new file is the overlap, 0 where the annotated box was kept. Test on it by
--cfg-options test_dataloader.dataset.ann_file=val_detected.npz.
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').splitlines()[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('ann_file', type=Path, help='HumanData file')
    add('out', type=Path, help='HumanData file to write; replaced if it exists')
    add('--data-root', type=Path, help='folder of its images (default: that of the file)')
    add(
        '--unmatched',
        choices=('drop', 'keep'),
        default='drop',
        help='leave out people without a detection, or keep their annotated box (default: %(default)s)',
    )
    add(
        '--iou-thr',
        type=positive_float,
        default=MATCH_IOU,
        metavar='IOU',
        help='minimum overlap of a detected with the annotated box (default: %(default)s)',
    )
    add(
        '--box-margin',
        type=positive_float,
        default=1.0,
        metavar='FACTOR',
        help='enlargement that the boxes of the file have, and then those of the new file, such as 1.2 for '
        'those of convert.py (default: 1, tight boxes)',
    )
    add_detector_arguments(parser.add_argument_group('detector'))
    add('--device', help='such as cuda:0 or cpu (default: the accelerator if there is one)')
    return parser.parse_args()


def main() -> None:
    """Detect, match and write."""
    args = parse_args()
    from mmroi.apis.detected_boxes import replace_boxes
    from mmroi.apis.inference.detectors import make_detector
    from mmroi.fileio import HumanData
    from mmroi.fileio.output_folders import check_folder

    if args.out.suffix != '.npz':
        raise ValueError(f'{args.out}: a HumanData file ends in .npz')
    if args.out.resolve() == args.ann_file.resolve():
        raise ValueError(f'{args.out} is the file with the annotated boxes: give the new file another name')
    check_folder(args.out.parent, 'argument out')
    annotations = HumanData.fromfile(args.ann_file)
    detector = make_detector(args.det_model, args.det_weights, args.det_score, args.device, args.det_size)
    detected = replace_boxes(
        annotations,
        args.data_root or args.ann_file.parent,
        detector,
        args.iou_thr,
        args.unmatched,
        args.box_margin,
    )
    detected.annotations.dump(args.out)
    print(f'{args.out}: {detected}')


if __name__ == '__main__':
    run_tool(main)
