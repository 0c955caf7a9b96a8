"""Draws what the network sees of some people of a data set, and says whose labels disagree.

``python tools/analysis_tools/browse_dataset.py CONFIG [--split train|val|test] [--num 16] [--out-dir DIR]``

For each person: the photo and the boxes as augmentation has left them, the label's mesh on it, and the crops
of all RoIs with their 2D keypoints. Red lines lead from the 2D keypoints to the 3D ones seen by the label's
camera, and figures in red belong to labels that cannot all be true. ``sheet.jpg`` shows all people at a glance.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.registry import init_default_scope
from PIL import Image
from tqdm import tqdm

from mmroi.body_models import SMPL
from mmroi.datasets import MixedDataset, MixtureSampler, MultiRoICrop, PackHMRInputs
from mmroi.engine.body_model import add_body_argument, check_body_model, use_body_model
from mmroi.engine.launch import run_tool
from mmroi.engine.pipelines import Pipeline, change_pipelines, is_step, read_config
from mmroi.registry import DATASETS, MODELS
from mmroi.visualization import check_labels, draw_sample, draw_thumbnail, tile_images


def for_drawing(config: Any) -> Any:
    """Change all pipelines within a dataset's config: keep the frame, and pack nothing.

    Args:
        config: Of a dataset, which may wrap others.

    Returns:
        A changed copy.
    """
    changed = copy.deepcopy(config)
    change_pipelines(changed, _without_packing)
    return changed


def _without_packing(steps: Pipeline) -> Pipeline:
    return [
        dict(step, keep_img=True) if is_step(step, MultiRoICrop) else step
        for step in steps
        if not is_step(step, PackHMRInputs)
    ]


def draw_indices(dataset: Any, sampler: dict, num: int, seed: int) -> Sequence[int]:
    """Choose people at random, from the sets of a mixture by the sampler's shares.

    Args:
        dataset: The data set.
        sampler: Config of its sampler.
        num: How many; all people if there are fewer.
        seed: Of the choice.

    Returns:
        Indices into the data set.
    """
    if isinstance(dataset, MixedDataset) and 'ratios' in sampler:
        return list(MixtureSampler(dataset, sampler['ratios'], epoch_size=num, seed=seed))
    return np.random.default_rng(seed).permutation(len(dataset))[:num].tolist()


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Draw what the network sees of a data set')
    parser.add_argument('config', type=Path)
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    parser.add_argument('--num', type=int, default=16, help='how many people')
    parser.add_argument('--out-dir', type=Path, help='default: work_dirs/browse/CONFIG_SPLIT')
    add_body_argument(parser)
    parser.add_argument('--seed', type=int, default=0, help='of the choice and of the augmentation')
    parser.add_argument('--show', action='store_true', help='open the sheet with the viewer of the system')
    args = parser.parse_args()
    if args.num < 1:
        parser.error(f'--num must be at least 1, not {args.num}')
    if not args.config.is_file():
        parser.error(f'config {args.config} does not exist')
    args.out_dir = args.out_dir or Path('work_dirs', 'browse', f'{args.config.stem}_{args.split}')
    return args


def write(path: Path, picture: np.ndarray) -> None:
    """Write a picture.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture):
        raise OSError(f'cannot write {path}')


def main() -> None:
    """Draws."""
    args = parse_args()
    config = read_config(args.config)
    if args.body_model:
        use_body_model(config, args.body_model)
    check_body_model(config, args.split)
    init_default_scope(config.get('default_scope', 'mmroi'))
    # A config of data sets alone has no model, but those of configs/_base_/datasets name a body.
    body_model: SMPL = MODELS.build((config.get('model') or config).get('body_model') or dict(type='SMPL'))
    loader = config[f'{args.split}_dataloader']
    dataset = DATASETS.build(for_drawing(loader.dataset.to_dict()))
    np.random.seed(args.seed)
    thumbnails, disagreeing = [], []
    indices = draw_indices(dataset, loader.get('sampler') or {}, args.num, args.seed)
    for number, index in enumerate(tqdm(indices, unit=' people')):
        sample = dataset[index]
        check = check_labels(sample, body_model)
        name = f'{sample["dataset_name"]}_{sample["row"]:06d}'
        write(args.out_dir / f'{number:03d}_{name}.jpg', draw_sample(sample, check, body_model.faces))
        thumbnails.append(draw_thumbnail(sample, check, body_model.faces))
        faults = [fault for fault, found in check.faults.items() if found]
        if faults:
            disagreeing.append(f'{sample["dataset_name"]} row {sample["row"]}: {", ".join(faults)}')
    sheet = args.out_dir / 'sheet.jpg'
    write(sheet, tile_images(thumbnails, 4, thumbnails[0].shape[0]))
    print(
        f'{len(thumbnails)} people in {args.out_dir}, all in {sheet.name}; labels of {len(disagreeing)} '
        'disagree' + ''.join(f'\n  {line}' for line in disagreeing)
    )
    if args.show:
        Image.open(sheet).show()


if __name__ == '__main__':
    run_tool(main)
