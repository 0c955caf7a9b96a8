"""The result of ``make demo``: one table and pictures of meshes on photographs.

``python tools/demo_report.py work_dirs/demo --out work_dirs/demo/report.md``

Reads, for each model in the folder, ``metrics.json`` (trained just now) and ``shipped.json`` (the checkpoint that
comes with the project) as ``tools/test.py --out`` writes them, and the training log. Measures on the photos
what a mean pose would score, how far apart the full cameras of one person's RoIs lie, and the time of a
prediction.
"""

import argparse
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track
from torch import nn

from mmroi.apis import find_model, init_model
from mmroi.engine.launch import run_tool
from mmroi.engine.training_log import training_minutes
from mmroi.evaluation import MeanPoseBaseline
from mmroi.geometry import camera_spread, local_to_full
from mmroi.registry import DATASETS
from mmroi.visualization import overlay_triptych, tile_images

MODELS = {'cliff': 'CLIFF', 'multi-roi': 'Multi-RoI'}
NUM_MEASURED = 64  # People over which spread and time are measured.
PICTURE_HEIGHT = 512
COLUMNS = {
    'MPJPE': 'MPJPE mm',
    'PA-MPJPE': 'PA-MPJPE mm',
    'PVE': 'PVE mm',
    'camera_translation': 'camera error mm',
    'camera_spread': 'camera spread mm',
    'parameters': 'parameters M',
    'training': 'training min',
    'prediction': 'ms / person',
}
NOTE = (
    'A demonstration on {people} synthetic people and the open body: not a benchmark, and not comparable '
    'with results on SMPL and real photographs. Camera error: of the pelvis in the camera frame. Camera '
    'spread: how far apart the full cameras lie which the model gives for the {rois} RoIs of a person (over '
    '{measured} people; CLIFF sees each RoI alone). Parameters: those that predict. Time for a person: from '
    'crops to parameters on this machine. Training of the shipped models: see README.md.'
)


@dataclass
class Entry:
    """One model of the table.

    Attributes:
        title: Its name in the table.
        config: Its config.
        checkpoint: Its weights.
        metrics: File that ``tools/test.py --out`` wrote for it.
        work_dir: Folder of its training log; None where it was not trained here.
    """

    title: str
    config: Config
    checkpoint: str
    metrics: Path
    work_dir: Path | None


def find_entries(folder: Path) -> dict[str, dict[str, Entry]]:
    """Find the models trained just now, and the shipped ones that were tested.

    Args:
        folder: The demo's folder.

    Returns:
        Entries by name of model, under ``trained`` and, if there, ``shipped``.

    Raises:
        FileNotFoundError: If a trained model is not complete.
    """
    entries: dict[str, dict[str, Entry]] = {'trained': {}}
    for name, title in MODELS.items():
        work_dir = folder / name
        config, last, metrics = (
            work_dir / file for file in (f'{name}_r18_synthetic.py', 'last_checkpoint', 'metrics.json')
        )
        for path in (config, last, metrics):
            if not path.is_file():
                raise FileNotFoundError(f'{path} does not exist; run `make demo`')
        entries['trained'][name] = Entry(
            f'{title}, just trained',
            Config.fromfile(config),
            last.read_text(encoding='utf-8').strip(),
            metrics,
            work_dir,
        )
    if all((folder / name / 'shipped.json').is_file() for name in MODELS):
        entries['shipped'] = {}
        for name, title in MODELS.items():
            model = find_model(f'{name}_r18_synthetic')
            entries['shipped'][name] = Entry(
                f'{title}, shipped',
                Config.fromfile(model.config),
                str(model.weights),
                folder / name / 'shipped.json',
                None,
            )
    return entries


def read_metrics(path: Path) -> dict[str, float]:
    """Read what ``tools/test.py --out`` wrote, without the protocol's name before each number."""
    metrics = json.loads(path.read_text(encoding='utf-8'))
    prefix = 'synthetic/'
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}


def mean_pose(dataset: BaseDataset) -> dict[str, float]:
    """Errors of the SMPL mean parameters on a data set."""
    metric = MeanPoseBaseline(prefix='baseline')
    for start in track(range(0, len(dataset), 32), 'mean pose'):
        samples = [dataset[i]['data_samples'].to_dict() for i in range(start, min(start + 32, len(dataset)))]
        metric.process(None, samples)
    return {name.removeprefix('baseline/'): value for name, value in metric.evaluate(len(dataset)).items()}


@torch.no_grad()
def measure(model: nn.Module, dataset: BaseDataset) -> dict[str, float]:
    """Parameters (millions), time from crops to parameters (ms a person) and camera spread (mm).

    Args:
        model: A model of one RoI, which is then run on each RoI alone, or of as many as the data set has.
        dataset: People with several RoIs each.

    Returns:
        ``parameters``, ``prediction`` and ``camera_spread``.
    """
    chosen = np.linspace(0, len(dataset) - 1, min(NUM_MEASURED, len(dataset))).astype(int)
    data = model.data_preprocessor(pseudo_collate([dataset[int(i)] for i in chosen]))
    inputs, samples = data['inputs'], data['data_samples']
    boxes = torch.from_numpy(np.stack([sample.boxes for sample in samples]))
    focal_length = torch.tensor([float(sample.focal_length) for sample in samples], dtype=torch.float64)
    single = model.head.num_rois == 1
    base = slice(0, 1) if single else slice(None)
    model.regress(inputs[:4, base], boxes[:4, base], focal_length[:4])  # warm up
    start = time.perf_counter()
    cameras = model.regress(inputs[:, base], boxes[:, base], focal_length)['cameras']
    seconds = time.perf_counter() - start
    if single:
        alone = focal_length.repeat_interleave(boxes.shape[1])
        cameras = model.regress(inputs.flatten(0, 1)[:, None], boxes.flatten(0, 1)[:, None], alone)['cameras']
        cameras = cameras.reshape(boxes.shape)
    spread = camera_spread(local_to_full(cameras.double(), boxes, focal_length)).mean()
    return dict(
        parameters=model.num_parameters() / 1e6,
        prediction=1000 * seconds / len(samples),
        camera_spread=1000 * spread.item(),
    )


@torch.no_grad()
def draw_pictures(model: nn.Module, dataset: BaseDataset, folder: Path, number: int) -> None:
    """Write photo | meshes on it | meshes from the side, for everyone in a photo, and a sheet of all."""
    people = defaultdict(list)
    for i in range(len(dataset)):
        people[dataset.get_data_info(i)['img_path']].append(i)
    groups = sorted(people.items(), key=lambda item: item[0])
    chosen = [groups[i] for i in np.linspace(0, len(groups) - 1, min(number, len(groups))).astype(int)]
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for path, rows in track(chosen, 'pictures'):
        samples = model.test_step(pseudo_collate([dataset[i] for i in rows]))
        predicted = [sample.pred_instances for sample in samples]
        vertices = torch.cat([p.vertices + p.camera_translation[:, None] for p in predicted]).cpu().numpy()
        photo = cv2.imread(path)
        # Small photos are enlarged, so that meshes are drawn finely. Centers of pixels lie at integers.
        scale = max(1, -(-PICTURE_HEIGHT // photo.shape[0]))
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        center = (np.asarray(samples[0].principal_point) + 0.5) * scale - 0.5
        focal_length = float(samples[0].focal_length) * scale
        picture = overlay_triptych(photo, vertices, model.body_model.faces, focal_length, center)
        cv2.imwrite(str(folder / f'{Path(path).stem}.jpg'), picture)
        pictures.append(picture)
    cv2.imwrite(str(folder / 'sheet.jpg'), tile_images(pictures, columns=2, height=PICTURE_HEIGHT // 2))


def build_dataset(config: Config, photos: Config) -> BaseDataset:
    """The test photos of one config through the test pipeline of another."""
    dataset = config.test_dataloader.dataset.copy()
    dataset.update({key: photos.test_dataloader.dataset[key] for key in ('ann_file', 'data_root')})
    return DATASETS.build(dataset)


def cell(key: str, value: float | None, baseline: float) -> str:
    """A number as the table shows it; MPJPE also relative to the mean pose."""
    if value is None:
        return '–'
    text = f'{value:.2f}' if key in ('parameters', 'prediction') else f'{value:.1f}'
    relative = f' ({100 * (value / baseline - 1):+.0f} %)' if key == 'MPJPE' and value != baseline else ''
    return text + relative


def write_table(rows: list[tuple[str, dict[str, float]]], note: str, out: Path) -> str:
    """Write the table as Markdown and returns it; the first row is the baseline."""
    baseline = rows[0][1]['MPJPE']
    cells = [[title] + [cell(key, values.get(key), baseline) for key in COLUMNS] for title, values in rows]
    lines = [['', *COLUMNS.values()], ['---', *['---:'] * len(COLUMNS)], *cells]
    table = '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)
    text = f'{table}\n\n{note}\n'
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding='utf-8')
    return text


def main() -> None:
    """Read the command line and reports."""
    parser = argparse.ArgumentParser(description='Table and pictures of the demo')
    parser.add_argument('folder', type=Path, help='folder with one work folder for each model')
    parser.add_argument('--out', type=Path, help='Markdown file (default: FOLDER/report.md)')
    parser.add_argument('--pictures', type=int, default=12, help='how many photographs to draw')
    parser.add_argument('--quiet', action='store_true', help='write the table, do not print it')
    args = parser.parse_args()
    entries = find_entries(args.folder)
    photos = entries['trained']['multi-roi'].config
    init_default_scope(photos.default_scope)
    dataset = build_dataset(photos, photos)
    rows = [('mean pose', mean_pose(dataset))]
    for group in entries.values():
        dataset = build_dataset(group['multi-roi'].config, photos)
        for entry in group.values():
            model = init_model(entry.config, entry.checkpoint)
            values = {**read_metrics(entry.metrics), **measure(model, dataset)}
            if entry.work_dir is not None:
                values['training'] = training_minutes(entry.work_dir)
            rows.append((entry.title, values))
    # The last one is the best there is: the shipped Multi-RoI model, or the one trained just now.
    print(f'pictures by {entry.title}')
    draw_pictures(model, dataset, args.folder / 'pictures', args.pictures)
    note = NOTE.format(
        people=len(dataset), rois=dataset[0]['inputs'].shape[0], measured=min(NUM_MEASURED, len(dataset))
    )
    text = write_table(rows, note, args.out or args.folder / 'report.md')
    print(f'pictures: {args.folder / "pictures"}')
    if not args.quiet:
        console = Console()
        (console if console.is_terminal else Console(width=150)).print(Markdown(text))


if __name__ == '__main__':
    run_tool(main)
