"""Command-line arguments of a tool that runs ``MultiRoIInferencer``."""

import argparse
from collections.abc import Sequence
from typing import Any

from mmroi.utils.choices import KEYPOINT_SOURCES, PRECISIONS, SAVES, VIEWER_FRAMES


def add_people_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where the people in the images are.

    Args:
        parser: Parser of the tool. ``--bboxes`` is stored as the name of a file or a list of boxes.
    """
    group = parser.add_argument_group('people')
    add_detector_arguments(group)
    given = group.add_mutually_exclusive_group()
    given.add_argument(
        '--bboxes',
        nargs='+',
        action=_BoxesAction,
        metavar='FILE|X',
        help='tight boxes to use instead of a detector: x1 y1 x2 y2 in pixels, four numbers per person, for '
        'every image; or a JSON file with such boxes, of COCO, or with predictions of MMDetection or MMPose, '
        'or a folder of these',
    )
    given.add_argument(
        '--keypoints',
        metavar='FILE|DIR',
        help="boxes and 2D keypoints of the people for --refine: COCO's format with any named joints, or the "
        "folder of MMPose's predictions",
    )
    given.add_argument('--whole-image', action='store_true', help='assume that one person fills each image')


def add_detector_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the arguments that choose the detector.

    Args:
        group: Group of the tool's parser.
    """
    add = group.add_argument
    add(
        '--det-model',
        metavar='NAME',
        help='movenet, which comes with this project, or name or config of an MMDetection detector such as '
        'rtmdet-m, which is downloaded (default: rtmdet-m if it has been downloaded, else movenet)',
    )
    add('--det-weights', metavar='FILE', help='checkpoint of the detector')
    add(
        '--det-score',
        type=float,
        metavar='SCORE',
        help='minimum score of a person, detected or given with a score by --bboxes (default: 0.3 for '
        'movenet, 0.5 for other detectors, none for --bboxes)',
    )
    add(
        '--det-size',
        type=int,
        metavar='PIXELS',
        help="maximum long side of movenet's input, which is 256 first; such as 2048 for small people in a "
        'large photo (default: 1024, and 2048 for crowds)',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the camera, the computation and the results.

    Args:
        parser: Parser of the tool.
    """
    add = parser.add_argument
    add(
        '--focal-length',
        type=float,
        metavar='PIXELS',
        help='focal length of all inputs (default: from EXIF, else the image diagonal)',
    )
    add(
        '--fps',
        type=float,
        metavar='RATE',
        help='take the images of each folder as one video of this frame rate, in the order of their numbers',
    )
    add_refine_arguments(parser)
    add(
        '--refine-window',
        type=int,
        default=0,
        metavar='FRAMES',
        help='number of frames of a video that --refine fits together, odd, such as 9; use it instead of '
        '--smooth, which lags behind (default: each frame by itself)',
    )
    add('--smooth', action='store_true', help='smooth videos over time (one-euro filter)')
    add(
        '--save',
        nargs='+',
        choices=SAVES,
        metavar='KIND',
        help='files to write (default: json overlay views glb viewer; for videos json overlay viewer)',
    )
    add(
        '--viewer-frames',
        type=int,
        metavar='N',
        help=f'maximum number of images in the viewer, spread evenly (default: {VIEWER_FRAMES})',
    )
    add(
        '--overwrite',
        action='store_true',
        help='remove the results of earlier runs from the output folder first; by default images and videos '
        'that were done with the same settings are kept, and results of other settings are refused',
    )
    add('--show', action='store_true', help='show the meshes in a window; q ends, any other key continues')
    add(
        '--batch-size',
        type=int,
        default=16,
        metavar='N',
        help='people per forward pass (default: %(default)s)',
    )
    add('--device', help='device such as cuda:0 or cpu (default: the accelerator if there is one)')
    add(
        '--precision',
        choices=PRECISIONS,
        default='fp32',
        help='of the encoder; auto is bf16 where the device is faster with it (default: %(default)s)',
    )
    add(
        '--compile',
        action='store_true',
        help='compile network and body model first, which takes minutes and pays in videos of thousands of '
        'frames (page video.md of the docs); needs a C++ compiler on a CPU',
    )


def add_refine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that turn on refinement.

    Args:
        parser: Parser of the tool.
    """
    parser.add_argument(
        '--refine',
        action='store_true',
        help='fit each person to 2D keypoints after the network (page refinement.md of the docs)',
    )
    parser.add_argument(
        '--refine-keypoints',
        choices=KEYPOINT_SOURCES,
        help="which keypoints --refine takes: crop, those that MoveNet Thunder finds in the person's box, or "
        f'detector, those of the detector movenet (default: {KEYPOINT_SOURCES[0]})',
    )


def refiner_of(args: argparse.Namespace) -> dict[str, Any] | None:
    """Return the ``refiner`` of the inferencer that the arguments choose.

    Raises:
        ValueError: If there are options of refinement but no refinement.
    """
    options = dict(keypoints=args.refine_keypoints, window=getattr(args, 'refine_window', 0))
    chosen = {name: value for name, value in options.items() if value}
    if chosen and not args.refine:
        raise ValueError(f'--refine-{next(iter(chosen))} is for --refine')
    return dict(dict(keypoints=KEYPOINT_SOURCES[0]), **chosen) if args.refine else None


def check_people_arguments(args: argparse.Namespace) -> None:
    """Refuse options of the detector and of refinement that have no effect, as others give the people.

    Args:
        args: Parsed by :func:`add_people_arguments` and :func:`add_refine_arguments`.

    Raises:
        ValueError: Names the option and the remedy.
    """
    given = next((name for name in ('bboxes', 'keypoints', 'whole_image') if getattr(args, name)), None)
    if given is None:
        return
    useless = ['det_model', 'det_weights', 'det_size', 'refine_keypoints' if given == 'keypoints' else '']
    if given == 'whole_image' or isinstance(args.bboxes, list):
        useless.append('det_score')
    for name in filter(None, useless):
        if getattr(args, name) is not None:
            people = 'one person fills the image' if given == 'whole_image' else 'the people are given'
            raise ValueError(
                f'{_flag(name)} has no effect with {_flag(given)}: {people}; leave one of the two out'
            )


def _flag(name: str) -> str:
    return f'--{name.replace("_", "-")}'


class _BoxesAction(argparse.Action):
    """Store the name of a file, or a list of boxes (x1, y1, x2, y2)."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        words = list(values or ())
        boxes: str | list[list[float]] = words[0]
        try:
            numbers = [float(word) for word in ' '.join(words).replace(',', ' ').split()]
        except ValueError:
            numbers = []
        if len(words) > 1 or len(numbers) > 1:  # a single number may be the name of a file
            if not numbers or len(numbers) % 4:
                raise argparse.ArgumentError(
                    self, 'expected one file, or four numbers x1 y1 x2 y2 for each person'
                )
            boxes = [numbers[i : i + 4] for i in range(0, len(numbers), 4)]
        setattr(namespace, self.dest, boxes)
