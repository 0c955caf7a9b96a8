"""People in images, videos or a webcam as SMPL meshes: ``python tools/demo.py photo.jpg --out-dir out``."""

import argparse
import sys
import time
from pathlib import Path

from mmroi.apis.inference import SAVES, BadInputError, MultiRoIInferencer, RunSummary
from mmroi.engine.body_model import add_body_argument
from mmroi.engine.launch import explain, run_tool

EPILOG = f"""
people are found by a detector (MMDetection); where its weights are not at hand, --bboxes or --whole-image do
without.

files, all in --out-dir ({', '.join(SAVES)}):
  json, npz   predictions/: SMPL parameters, joints, cameras, boxes; vertices puts the meshes into the npz
  overlay     overlays/: meshes on the image, one annotated video for a video
  views       views/: RoIs, overlay, from the side, from above, cameras of all RoIs
  glb obj ply meshes/: one file per image with a mesh per person, meters, camera at the origin
  viewer      viewer.html: all of it in a browser, one file that needs no network

exit status: 0 if no input failed and there are results; 1 if an input failed or there is no result;
130 if interrupted. Finished files are kept. An image without people is a result and is counted.

examples:
  python tools/demo.py photo.jpg --out-dir out --whole-image
  python tools/demo.py photos/ --out-dir out --bboxes boxes.json
  python tools/demo.py clip.mp4 --out-dir out --smooth --det-weights rtmdet_m_8xb32-300e_coco.pth
  python tools/demo.py photo.jpg --out-dir out --model multi-roi_r50_published --weights converted.pth
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.split(':')[0], epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('inputs', nargs='+', help='images, videos, folders, globs, or the number of a webcam')
    parser.add_argument('--out-dir', required=True, help='folder for the files; made if absent')
    parser.add_argument(
        '--model',
        help='config, or a name of model-index.yml such as '
        'cliff_r18_synthetic (default: the shipped Multi-RoI)',
    )
    parser.add_argument('--weights', help='checkpoint; default: the one that comes with the model')
    add_body_argument(parser, "the model's")
    people = parser.add_argument_group('people')
    people.add_argument('--det-model', help='config or name of a detector of MMDetection (default: rtmdet-m)')
    people.add_argument('--det-weights', help='its checkpoint')
    people.add_argument(
        '--det-score',
        type=float,
        default=0.5,
        metavar='SCORE',
        help='lowest score of a detected person (default: 0.5)',
    )
    people.add_argument(
        '--bboxes',
        nargs='+',
        metavar='FILE|X',
        help='tight boxes instead of a detector: a JSON or COCO file, or x1 y1 x2 y2 in '
        'pixels, four numbers per person, for every image',
    )
    people.add_argument('--whole-image', action='store_true', help='one person fills each image')
    parser.add_argument(
        '--focal-length',
        type=float,
        metavar='PIXELS',
        help='of all inputs; default: from EXIF, else the diagonal',
    )
    parser.add_argument('--smooth', action='store_true', help='smooth videos over time (one-euro filter)')
    parser.add_argument(
        '--save',
        nargs='+',
        choices=SAVES,
        metavar='KIND',
        help='kinds of files (default: json overlay views glb viewer; for frames of videos '
        'json overlay viewer)',
    )
    parser.add_argument(
        '--viewer-frames',
        type=int,
        default=30,
        metavar='N',
        help='the viewer shows at most N images, spread evenly (default: 30)',
    )
    parser.add_argument(
        '--batch-size',
        type=int,
        default=16,
        metavar='N',
        help='people that go through the network at a time (default: 16)',
    )
    parser.add_argument('--device', help='such as cuda:0 or cpu; default: the accelerator if there is one')
    args = parser.parse_args()
    if args.bboxes and args.whole_image:
        parser.error('--bboxes and --whole-image are mutually exclusive')
    args.bboxes = _boxes(parser, args.bboxes)
    return args


def _boxes(parser: argparse.ArgumentParser, given: list[str] | None) -> str | list[list[float]] | None:
    if not given:
        return None
    if len(given) == 1:
        return given[0]
    try:
        numbers = [float(word) for word in given]
    except ValueError:
        numbers = []
    if not numbers or len(numbers) % 4:
        parser.error('--bboxes takes one file, or four numbers x1 y1 x2 y2 for each person')
    return [numbers[i : i + 4] for i in range(0, len(numbers), 4)]


def main() -> None:
    """Run the inputs."""
    args = parse_args()
    # The number of a webcam, unless a file is called so.
    inputs = [int(name) if name.isdigit() and not Path(name).exists() else name for name in args.inputs]
    summary, start, interrupted = RunSummary(), time.monotonic(), False
    try:
        inferencer = MultiRoIInferencer(
            args.model,
            args.weights,
            args.det_model,
            args.det_weights,
            args.det_score,
            args.device,
            body_model=args.body_model,
        )
        results = inferencer.stream(
            inputs[0] if len(inputs) == 1 else inputs,
            bboxes=args.bboxes,
            whole_image=args.whole_image,
            batch_size=args.batch_size,
            focal_length=args.focal_length,
            smooth=args.smooth,
            out_dir=args.out_dir,
            save=args.save,
            viewer_frames=args.viewer_frames,
        )
    except (OSError, ValueError) as error:  # about what the user named, as the documentation of both says
        sys.exit(f'error: {explain(error)}')
    try:
        for result in results:
            summary.add(result)
    except KeyboardInterrupt:
        interrupted = True
    except BadInputError as error:
        sys.exit(f'error: {explain(error)}')
    finally:
        results.close()
    report(summary, Path(args.out_dir), args.viewer_frames, time.monotonic() - start)
    if interrupted:
        print('interrupted; what was done is kept')
        sys.exit(130)
    sys.exit(0 if summary.succeeded else 1)


def report(summary: RunSummary, out_dir: Path, viewer_frames: int, seconds: float) -> None:
    """Print what was done.

    Args:
        summary: Of the run.
        out_dir: Folder of its files.
        viewer_frames: Most pictures in the viewer.
        seconds: That it took.
    """
    first, *others = summary.lines()
    print(f'{first}, {seconds:.1f} s', *others, sep='\n')
    with_people = summary.images - len(summary.empty)
    found = sorted(path.name + ('/' if path.is_dir() else '') for path in out_dir.iterdir())
    print(f'{out_dir}: {", ".join(found) or "no files"}')
    if with_people > viewer_frames and (out_dir / 'viewer.html').is_file():
        print(f'viewer.html shows at most {viewer_frames} of {with_people} images, spread evenly')


if __name__ == '__main__':
    run_tool(main)
