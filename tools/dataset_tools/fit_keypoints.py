"""Make SMPL annotations of images that have 2D keypoints only.

``mmroi fit-keypoints keypoints.json --image-root images --out-dir data``
"""

import argparse
from pathlib import Path

from mmroi.cli.arguments import add_body_argument, positive_float, positive_int
from mmroi.cli.running import run_tool

EPILOG = """
The shipped network (or --model) starts, and KeypointRefiner fits pose, shape and camera to the keypoints
(page refinement.md of the documentation). People whose keypoints are few, or too far from the fit, are
left out and counted. The result is a HumanData file that HumanImageDataset reads; misc has the quality of
each row: fit_error, the mean distance of the keypoints as a fraction of the longer side of the box, and
fit_keypoints, their number.

An interrupted run resumes: run the same command again.
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').splitlines()[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('keypoints', type=Path, help='JSON in the format of COCO keypoints, with any joints that it names')
    add('--image-root', type=Path, required=True, help='folder of the images, to which names are relative')
    add('--out-dir', type=Path, required=True, help='folder for <name of the JSON>_fitted.npz')
    add('--model', help='config, or name of a model in model-index.yml (default: the shipped Multi-RoI)')
    add('--weights', help="checkpoint (default: the model's own)")
    add('--max-error', type=positive_float, default=0.06, help='largest fit_error (default: %(default)s)')
    add('--min-keypoints', type=positive_int, default=8, help='per person (default: %(default)s)')
    add('--skip-missing', action='store_true', help='leave out images that are missing, damaged or resized')
    add('--device', help='such as cuda:0 or cpu (default: the accelerator if there is one)')
    add_body_argument(parser, "the model's")
    return parser.parse_args()


def main() -> None:
    """Fit."""
    args = parse_args()
    from mmroi.apis.keypoint_fitting import KeypointFitting
    from mmroi.datasets.converters.convert import convert_split
    from mmroi.fileio.output_folders import check_folder

    check_folder(args.out_dir, '--out-dir')
    fitting = KeypointFitting(
        args.image_root,
        args.keypoints,
        args.model,
        args.weights,
        args.device,
        args.body_model,
        args.max_error,
        args.min_keypoints,
        args.skip_missing,
    )
    print(convert_split(fitting, 'train', args.out_dir, skip_bad=True))


if __name__ == '__main__':
    run_tool(main)
