"""Recover SMPL meshes of people in images, videos or a webcam stream.

Example: ``mmroi demo image.jpg``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.arguments import add_body_argument
from mmroi.cli.config_options import ConfigOptions
from mmroi.cli.people_arguments import (
    add_people_arguments,
    add_run_arguments,
    check_people_arguments,
    refiner_of,
)
from mmroi.cli.running import run_tool
from mmroi.utils.choices import DEFAULT_MODEL, SAVES, VIEWER_FRAMES
from mmroi.utils.errors import explain

if TYPE_CHECKING:
    from mmroi.apis.inference import RunSummary

EPILOG = f"""
People are found by MoveNet MultiPose, which comes with this project, or by a detector of MMDetection.

files in --out-dir, by kind ({', '.join(SAVES)}):
  json, npz   predictions/: SMPL parameters, joints, cameras, boxes; vertices adds the meshes to the npz
  overlay     overlays/: meshes drawn on the image; one annotated video per video, with its sound
  keypoints   keypoints/: boxes and keypoints of the detector drawn on the image
  views       views/: RoIs, overlay, side view, top view, cameras of all RoIs
  glb obj ply meshes/: one file per image with a mesh per person, meters, camera at the origin
  anim        animations/: a skinned, animated GLB per tracked person, meters, y up
  bvh         animations/: skeleton and motion of each tracked person
  smpl        animations/: an npz in AMASS's layout per tracked person
  coco        coco/: keypoints of the meshes in COCO's results format, and the list of images
  viewer      viewer.html: all results in a browser, one file that needs no network

exit status: 0 if no input failed and there are results; 1 if an input failed or there is no result;
130 if interrupted. Finished files are kept. An image without people counts as a result. The same command
again continues where it ended: images and videos that are done are not run again.

examples:
  mmroi demo image.jpg
  mmroi demo image.jpg --out-dir rtmdet --det-model rtmdet-m
  mmroi demo image.jpg --out-dir refined --refine
  mmroi demo images/ --out-dir boxes --bboxes boxes.json
  mmroi demo clip.mp4 --out-dir clip --smooth --save overlay anim bvh smpl
  mmroi demo frames/ --out-dir frames --fps 30 --smooth --save overlay anim
  mmroi demo image.jpg --out-dir published --model multi-roi_r50_published-1xb48-5e_pw3d-256x192 \\
      --weights converted.pth
"""


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').splitlines()[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'inputs',
        nargs='*',
        help='images, videos, folders, globs, or the number of a webcam (default: --refine with a photo that '
        'comes with mmroi)',
    )
    parser.add_argument(
        '--out-dir', default='out', help='folder for the results; created if missing (default: %(default)s)'
    )
    parser.add_argument(
        '--model',
        help=f'config, or name of a model in model-index.yml (default: {DEFAULT_MODEL})',
    )
    parser.add_argument('--weights', help="checkpoint (default: the model's own)")
    add_body_argument(parser, "the model's")
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='changes to the config, such as box_scale=1.3',
    )
    add_people_arguments(parser)
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the model on the inputs and report."""
    args = parse_args()
    from mmroi.apis.inference import BadInputError, MultiRoIInferencer, RunSummary
    from mmroi.apis.inference.inputs import SAMPLE
    from mmroi.apis.model_index import limits_of
    from mmroi.fileio.output_folders import check_folder

    if not args.inputs:
        args.inputs, args.refine = [str(SAMPLE)], True
        print(f'no input given: this is --refine with the photo that comes with mmroi, {SAMPLE}')
    # A number is a webcam unless a file has that name.
    inputs = [int(name) if name.isdigit() and not Path(name).exists() else name for name in args.inputs]
    summary = RunSummary(detected=args.bboxes is None and args.keypoints is None)
    start, ended = time.monotonic(), None
    models = (args.model, args.weights, args.det_model, args.det_weights, args.det_score, args.device)
    names = (
        'bboxes',
        'whole_image',
        'keypoints',
        'batch_size',
        'focal_length',
        'smooth',
        'out_dir',
        'save',
        'viewer_frames',
        'fps',
        'overwrite',
        'show',
    )
    options = {name: getattr(args, name) for name in names}
    try:
        check_people_arguments(args)
        check_folder(args.out_dir, '--out-dir')
        inferencer = MultiRoIInferencer(
            *models,
            body_model=args.body_model,
            det_size=args.det_size,
            refiner=refiner_of(args),
            precision=args.precision,
            cfg_options=args.cfg_options,
            compile=args.compile,
        )
        results = inferencer.stream(inputs[0] if len(inputs) == 1 else inputs, **options)
    except (OSError, ValueError) as error:  # documented for bad arguments
        sys.exit(f'error: {explain(error)}')
    try:
        for result in results:
            summary.add(result)
    except KeyboardInterrupt as ending:
        ended = ending
    except BadInputError as error:
        sys.exit(f'error: {explain(error)}')
    finally:
        results.close()
    report(summary, Path(args.out_dir), args.viewer_frames or VIEWER_FRAMES, time.monotonic() - start)
    if summary.people and (limits := limits_of(args.model or DEFAULT_MODEL, args.weights)):
        print(limits if args.refine else f'{limits}; --refine brings limbs onto those in the image')
    if ended:
        print('interrupted; finished results are kept')
        sys.exit(getattr(ended, 'status', 130))  # 143 after SIGTERM
    sys.exit(0 if summary.succeeded else 1)


def report(summary: RunSummary, out_dir: Path, viewer_frames: int, seconds: float) -> None:
    """Print a summary of a run and the files that it wrote.

    Args:
        summary: Counts and failures.
        out_dir: Folder of the results.
        viewer_frames: Maximum number of images in the viewer.
        seconds: Duration of the run.
    """
    from mmroi.apis.inference.video_writer import describe_videos

    first, *others = summary.lines()
    print(f'{first}, {seconds:.1f} s', *others, sep='\n')
    if not summary.images:
        return  # the folder may have results of earlier runs, which are not this run's
    with_people = summary.images - len(summary.empty)
    found = sorted(path.name + ('/' if path.is_dir() else '') for path in out_dir.iterdir())
    print(f'{out_dir}: {", ".join(found) or "no files"}')
    if any(out_dir.glob('*/*.mp4')):
        print(f'videos: {describe_videos()}')
    if with_people > viewer_frames and (out_dir / 'viewer.html').is_file():
        print(f'viewer.html shows at most {viewer_frames} of {with_people} images, spread evenly')


if __name__ == '__main__':
    run_tool(main)
