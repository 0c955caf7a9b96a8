"""Draw what the network sees of some people of a dataset, and report labels that disagree.

    mmroi browse CONFIG [--split train|val|test] [--num 16] [--out-dir DIR]

For each person: the image and the boxes after augmentation, the label's mesh on it, and the crops of all RoIs
with their 2D keypoints. Red lines lead from the 2D keypoints to the 3D ones projected by the label's camera;
figures in red belong to labels that cannot all be true. ``sheet.jpg`` shows all people at a glance.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.arguments import add_body_argument, add_config_arguments
from mmroi.cli.running import run_tool
from mmroi.utils import track

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmroi.body_models import SMPL


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Draw what the network sees of a dataset')
    add_config_arguments(parser)
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    parser.add_argument('--num', type=int, default=16, help='number of people')
    parser.add_argument('--out-dir', type=Path, help='default: work_dirs/browse/CONFIG_SPLIT')
    add_body_argument(parser)
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice and of the augmentation')
    parser.add_argument('--show', action='store_true', help="open the sheet with the system's viewer")
    args = parser.parse_args()
    if args.num < 1:
        parser.error(f'--num must be at least 1, not {args.num}')
    return args


def browse(config: Config, args: argparse.Namespace, out_dir: Path) -> None:
    """Draw people into a folder and print whose labels disagree."""
    import numpy as np
    from mmengine.registry import init_default_scope
    from PIL import Image

    from mmroi.engine.browsing import choose_people, keep_frames
    from mmroi.fileio.image_writing import write_image
    from mmroi.registry import DATASETS, MODELS
    from mmroi.visualization import check_labels, draw_sample, draw_thumbnail, tile_images

    init_default_scope(config.get('default_scope', 'mmroi'))
    # Configs of datasets alone have no model; those of configs/_base_/datasets name a body.
    body_model: SMPL = MODELS.build((config.get('model') or config).get('body_model') or dict(type='SMPL'))
    loader = config[f'{args.split}_dataloader']
    dataset = DATASETS.build(keep_frames(loader.dataset.to_dict()))
    np.random.seed(args.seed)
    thumbnails, disagreeing = [], []
    indices = choose_people(dataset, loader.get('sampler') or {}, args.num, args.seed)
    for number, index in enumerate(track(indices, description='people')):
        sample = dataset[index]
        check = check_labels(sample, body_model)
        name = f'{sample["dataset_name"]}_{sample["row"]:06d}'
        write_image(out_dir / f'{number:03d}_{name}.jpg', draw_sample(sample, check, body_model.faces))
        thumbnails.append(draw_thumbnail(sample, check, body_model.faces))
        faults = [fault for fault, found in check.faults.items() if found]
        if faults:
            disagreeing.append(f'{sample["dataset_name"]} row {sample["row"]}: {", ".join(faults)}')
    sheet = out_dir / 'sheet.jpg'
    write_image(sheet, tile_images(thumbnails, 4, thumbnails[0].shape[0]))
    print(
        f'{len(thumbnails)} people in {out_dir}, all in {sheet.name}; labels of {len(disagreeing)} '
        'disagree' + ''.join(f'\n  {line}' for line in disagreeing)
    )
    if args.show:
        Image.open(sheet).show()


def main() -> None:
    """Read the config and draw."""
    args = parse_args()
    from mmroi.engine.body_model import check_body_model
    from mmroi.engine.launch import read_config
    from mmroi.fileio.output_folders import own_folder

    config = read_config(args)
    out_dir = args.out_dir or Path('work_dirs', 'browse', f'{Path(config.filename).stem}_{args.split}')
    check_body_model(config, args.split)
    with own_folder(out_dir, '--out-dir'):
        browse(config, args, out_dir)


if __name__ == '__main__':
    run_tool(main)
