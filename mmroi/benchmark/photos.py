"""Meshes of the real people whose photos installed packages ship."""

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from mmroi.apis.inference import FrameResult, MultiRoIInferencer
from mmroi.apis.inference.pictures import fit_image
from mmroi.benchmark.runs import Run
from mmroi.fileio.image_writing import write_image
from mmroi.visualization import overlay_triptych, person_colors, tile_images

# Package, path in it: all free to use, see NOTICE.
PHOTOS = (
    ('skimage', 'data/astronaut.png'),
    ('skimage', 'data/camera.png'),
    ('matplotlib', 'mpl-data/sample_data/grace_hopper.jpg'),
)
HEIGHT = 512  # of each photo in the sheet


def draw_photos(run: Run, path: Path) -> None:
    """Find the people in three photos, run the network of a run, and draw image | meshes | side view of each.

    Args:
        run: A run that is done.
        path: Image to write; its folder is created if missing.

    Raises:
        FileNotFoundError: If a package no longer has its photo, or the run's checkpoint is gone.
    """
    inferencer = MultiRoIInferencer(run.config('test'), run.weights, det_model='movenet', show_progress=False)
    rows = []
    for package, name in PHOTOS:
        with as_file(files(package) / name) as photo:
            if not photo.is_file():
                raise FileNotFoundError(f'{package} has no {name}; reinstall the version of requirements/')
            (result,) = inferencer.stream(str(photo))
        assert isinstance(result, FrameResult)
        rows.append(_draw(result, inferencer.model.body_model.faces))
    write_image(path, tile_images(rows, columns=1, height=HEIGHT))


def _draw(result: FrameResult, faces: np.ndarray) -> np.ndarray:
    if not result.samples:
        return result.frame.image
    photo = fit_image(result, 2 * HEIGHT)
    return overlay_triptych(
        photo.image,
        result.vertices,
        faces,
        photo.focal_length,
        photo.principal_point,
        person_colors(result.ids),
    )
