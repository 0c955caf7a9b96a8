"""Measure a model on 2D keypoints of real people: PCK against any file in COCO's format.

``mmroi eval-keypoints CONFIG CHECKPOINT KEYPOINTS.json --image-root DIR``
"""

import argparse
from pathlib import Path

from mmroi.cli.arguments import add_body_argument, positive_float, positive_int
from mmroi.cli.people_arguments import add_detector_arguments, add_refine_arguments, refiner_of
from mmroi.cli.running import run_tool
from mmroi.utils.choices import PCK_THRESHOLDS, REPORT_SUFFIXES

BOXES = ('given', 'detected')
EPILOG = """
PCK: an annotated joint is correct if the predicted one, projected by the predicted camera, is closer than
a fraction (0.05, 0.1, 0.2) of the longer side of the annotated box. Joints are found by the names in the
file: COCO, CrowdPose, AI Challenger, MPII and other lists, in any order. Hidden joints that are annotated
count, too, unless --visible-only. Crowds and people without keypoints are left out. Intervals (95 %) are
bootstrapped over images.

With --boxes detected, the detector's boxes are matched with the annotated ones (IoU >= 0.5): "people found"
is the PCK of those matched, "all people" counts the joints of the others as wrong. "mean pose" is the PCK
of the same mean body for everyone, in the middle of the box.
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').splitlines()[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('config', help='config, or a model of model-index.yml')
    add('checkpoint', help='weights')
    add('keypoints', type=Path, help='JSON in the format of COCO keypoints')
    add(
        '--image-root',
        type=Path,
        required=True,
        help='folder of the images, to which file names are relative',
    )
    add('--skip-missing', action='store_true', help='leave out images that are missing, damaged or resized')
    add('--boxes', choices=BOXES, default='given', help='annotated boxes (default), or those of the detector')
    add('--category', default='person', help='category of the people (default: %(default)s)')
    add(
        '--convention',
        metavar='NAME',
        help='order of the joints, for files without their names, such as coco; a wrong name lists all',
    )
    add('--skip-unknown', action='store_true', help='leave out joints that the body model lacks')
    add('--visible-only', action='store_true', help='leave out joints with visibility 1, labeled but hidden')
    add('--thresholds', type=positive_float, nargs='+', default=PCK_THRESHOLDS, help='default: 0.05 0.1 0.2')
    add('--out', type=Path, help='results of every person: .json (with all joints) or .csv')
    add('--show-dir', type=Path, help='folder for a picture of every person, and worst.jpg')
    add('--worst', type=positive_int, default=16, help='number of people in worst.jpg (default: %(default)s)')
    add('--focal-length', type=positive_float, help='pixels (default: from EXIF, else the image diagonal)')
    add_refine_arguments(parser)
    add('--batch-size', type=positive_int, default=16, help='people per forward pass (default: %(default)s)')
    add('--device', help='such as cuda:0 or cpu (default: the accelerator if there is one)')
    add('--seed', type=int, default=0, help='seed of the bootstrap')
    add_body_argument(parser, "the model's")
    add_detector_arguments(parser.add_argument_group('detector'))
    args = parser.parse_args()
    if args.out and args.out.suffix not in REPORT_SUFFIXES:
        parser.error(f'--out: write {" or ".join(REPORT_SUFFIXES)}, not {args.out}')
    detector = ('det_model', 'det_weights', 'det_score', 'det_size')
    for name in [name for name in detector if getattr(args, name) is not None and args.boxes != 'detected']:
        flag = name.replace('_', '-')
        parser.error(f'--{flag} has no effect: the boxes are the annotated ones; choose --boxes detected')
    return args


def main() -> None:
    """Evaluate."""
    args = parse_args()
    from mmroi.apis.inference import MultiRoIInferencer
    from mmroi.apis.keypoint_evaluation import find_images, predict_people
    from mmroi.apis.keypoint_pictures import KeypointPictures
    from mmroi.datasets.coco_keypoints import read_coco_keypoints
    from mmroi.evaluation.keypoint_accuracy import KeypointAccuracy
    from mmroi.evaluation.keypoint_report import format_accuracy, save_people

    options = args.category, args.convention, args.skip_unknown, args.visible_only
    annotations = read_coco_keypoints(args.keypoints, *options)
    annotations = find_images(annotations, args.image_root, args.skip_missing)
    detector = args.det_model, args.det_weights, args.det_score
    model = args.config, args.checkpoint, *detector, args.device
    inferencer = MultiRoIInferencer(
        *model, body_model=args.body_model, det_size=args.det_size, refiner=refiner_of(args)
    )
    faces = inferencer.model.body_model.faces
    pictures = KeypointPictures(args.show_dir, faces, args.worst) if args.show_dir else None
    people = []
    run = args.boxes == 'detected', args.batch_size, args.focal_length
    for found in predict_people(inferencer, annotations.images, *run):
        people += [person.keypoints for person in found]
        if pictures:
            pictures.add(found)
    accuracy = KeypointAccuracy(people, args.thresholds, seed=args.seed)
    for reason, count in annotations.skipped.items():
        print(f'left out: {count} {reason}')
    print(format_accuracy(accuracy))
    if args.out:
        about = dict(config=args.config, checkpoint=args.checkpoint, boxes=args.boxes)
        save_people(accuracy, args.out, about)
        print(f'wrote {args.out}')
    if pictures:
        pictures.save_worst()
        print(f'wrote {len(people)} pictures and worst.jpg to {args.show_dir}')


if __name__ == '__main__':
    run_tool(main)
