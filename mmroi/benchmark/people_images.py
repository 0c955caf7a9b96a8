"""The meshes of a run, drawn on test images from its saved results."""

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.benchmark.runs import Run
from mmroi.datasets.image_checks import decode, read_image_file
from mmroi.evaluation import MeshResults
from mmroi.fileio.image_writing import write_image
from mmroi.registry import METRICS
from mmroi.visualization import overlay_triptych, tile_images

HEIGHT = 512  # at least, of the images drawn


def draw_people(run: Run, folder: Path, number: int) -> list[Path]:
    """Draw everyone in some of the test images: image | meshes on it | meshes from the side.

    Args:
        run: A run that is done.
        folder: Folder to write to; created if missing.
        number: Number of images, spread evenly over the test set.

    Returns:
        The images, and ``sheet.jpg`` with all of them.
    """
    config = Config.fromfile(run.config('test'))
    init_default_scope(config.default_scope)
    body_model = METRICS.build(config.test_evaluator).bodies.neutral
    results = MeshResults(run.results)
    people = defaultdict(list)
    for index, path in enumerate(results.arrays['meta.img_path'].tolist()):
        people[path].append(index)
    paths = sorted(people)
    paths = [paths[i] for i in np.linspace(0, len(paths) - 1, min(number, len(paths))).astype(int)]
    samples = iter(results.data_samples(body_model, [index for path in paths for index in people[path]]))
    drawn, written = [], []
    for place, path in enumerate(paths):
        group = [next(samples) for _ in people[path]]
        predicted = [sample.pred_instances for sample in group]
        vertices = torch.cat([p.vertices + p.camera_translation[:, None] for p in predicted]).numpy()
        image = decode(read_image_file(path), path)
        # Small images are enlarged, so that meshes are drawn in detail. Pixel centers are at integers.
        scale = max(1, -(-HEIGHT // image.shape[0]))
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        center = (np.asarray(group[0].principal_point) + 0.5) * scale - 0.5
        focal_length = float(group[0].focal_length) * scale
        drawn.append(overlay_triptych(image, vertices, body_model.faces, focal_length, center))
        # Folders of a dataset may have images of the same name.
        written.append(folder / f'{place:02d}_{Path(path).stem}.jpg')
        write_image(written[-1], drawn[-1])
    written.append(folder / 'sheet.jpg')
    write_image(written[-1], tile_images(drawn, columns=2, height=HEIGHT // 2))
    return written
