"""Speed of data loading: the training pipeline beside other ways to cut crops out of an image."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import ConfigDict

from mmroi.benchmark.speed.datasets import read_people
from mmroi.benchmark.speed.mmpose_pipeline import MMPOSE, build_mmpose_pipeline, mmpose_sample
from mmroi.benchmark.speed.timing import typical
from mmroi.datasets import LoadImage
from mmroi.datasets.image_checks import read_image_file, unreadable
from mmroi.datasets.transforms.multi_roi_crop import warp_crops
from mmroi.engine.pipelines import find_pipeline, find_steps
from mmroi.fileio.image_archives import image_stamp
from mmroi.registry import DATASETS

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
PLAIN, REDUCED = 'plain pipeline', 'pipeline, reduce=True'
# Only for people whose crops need no full frame.
FULL_SIZE, HALF_SIZE = "decode + MultiRoICrop's crops", "half-size decode + MultiRoICrop's crops"


class View(NamedTuple):
    """The crops of a person.

    Attributes:
        path: Image file.
        matrices: Maps from pixels of the image to pixels of the crops, (K, 2, 3).
        crop_size: Height and width of the crops.
    """

    path: str
    matrices: np.ndarray
    crop_size: tuple[int, int]


def decode(path: str, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode an image.

    Args:
        path: Image file.
        flags: Of ``cv2.imdecode``.

    Returns:
        BGR image, (H, W, 3) uint8.

    Raises:
        BadSampleError: If the file cannot be read.
    """
    image = cv2.imdecode(np.frombuffer(read_image_file(path), np.uint8), flags)
    if image is None:
        raise unreadable(path)
    return image


def plain_pipeline(view: View) -> torch.Tensor:
    """Decode and normalize the whole image again for each crop.

    Args:
        view: The crops to cut.

    Returns:
        Normalized RGB crops, (M, 3, H, W) float32.
    """
    height, width = view.crop_size
    crops = []
    for matrix in view.matrices:
        image = decode(view.path)[..., ::-1].astype(np.float32)
        crop = cv2.warpAffine((image - MEAN) / STD, matrix, (width, height))
        crops.append(torch.from_numpy(crop.transpose(2, 0, 1).copy()))
    return torch.stack(crops)


def bare_crops(view: View) -> list[np.ndarray]:
    """Decode the image once and warp each crop out of it."""
    image = decode(view.path)
    height, width = view.crop_size
    return [cv2.warpAffine(image, matrix, (width, height)) for matrix in view.matrices]


def full_size_crops(view: View) -> np.ndarray:
    """Decode the image and warp as ``MultiRoICrop`` does."""
    return warp_crops(decode(view.path), view.matrices, view.crop_size)


def half_size_crops(view: View) -> np.ndarray:
    """Decode the image at half size, which is cheaper for JPEG, and warp as ``MultiRoICrop`` does."""
    image = decode(view.path, cv2.IMREAD_REDUCED_COLOR_2)
    linear = view.matrices[:, :, :2]
    # Pixel centers: x = 2 (x_half + 0.5) - 0.5.
    shift = linear @ np.array([0.5, 0.5]) + view.matrices[:, :, 2]
    return warp_crops(image, np.concatenate([2 * linear, shift[:, :, None]], axis=2), view.crop_size)


def needs_no_full_frame(view: View) -> bool:
    """Check whether each crop has at most half the resolution of the image."""
    return bool((np.hypot(view.matrices[:, 0, :2], view.matrices[:, 1, :2]) <= 0.5).all())


class LoadingBenchmark:
    """What is measured on some people of a dataset.

    Args:
        dataset: Config of a dataset whose files exist.
        count: Number of people.
        folder: Folder for scaled images.
        frame: Width and height to which images are scaled; None leaves them.
    """

    def __init__(
        self, dataset: ConfigDict, count: int, folder: Path, frame: Sequence[int] | None = None
    ) -> None:
        self.people = read_people(dataset, count, folder, frame)
        self.pipeline = DATASETS.build(dataset).pipeline
        samples = [self.pipeline(copy.deepcopy(person))['data_samples'] for person in self.people]
        reduced = copy.deepcopy(find_pipeline(dataset))
        for step in find_steps(reduced, LoadImage):
            step['reduce'] = True
        self.reduced = Compose(reduced)
        self.views = [
            View(
                person['img_path'], sample.crop_matrices, tuple(sample.get('context_size', sample.crop_size))
            )
            for person, sample in zip(self.people, samples, strict=True)
        ]
        self.small = [view for view in self.views if needs_no_full_frame(view)]
        self.mmpose = build_mmpose_pipeline(self.views[0].crop_size)
        self.image_height, self.image_width = map(int, samples[0].img_shape)

    def calls(self) -> dict[str, Callable[[], object]]:
        """Return the calls to measure, by name; each prepares all people."""
        calls: dict[str, Callable[[], object]] = {
            'decode': lambda: [decode(view.path) for view in self.views],
            'decode + crops': lambda: [bare_crops(view) for view in self.views],
            'pipeline': lambda: [self.pipeline(copy.deepcopy(person)) for person in self.people],
            REDUCED: lambda: [self.reduced(copy.deepcopy(person)) for person in self.people],
            PLAIN: lambda: [plain_pipeline(view) for view in self.views],
        }
        if not isinstance(self.mmpose, str):
            calls[MMPOSE] = self._mmpose_crops
        if self.small:
            calls[FULL_SIZE] = lambda: [full_size_crops(view) for view in self.small]
            calls[HALF_SIZE] = lambda: [half_size_crops(view) for view in self.small]
        return calls

    def summarize(self, turns: dict[str, list[list[float]]]) -> list[dict[str, Any]]:
        """Make a row of each call, and one of MMPose's pipeline that says why there is none.

        Args:
            turns: Seconds of the calls, as from ``take_turns``.

        Returns:
            Rows with ``people_per_second``, ``ms_per_person`` and the ``ratio`` to the plain pipeline, None
            for the calls that prepare only some people and where nothing was measured.
        """
        part = (FULL_SIZE, HALF_SIZE)
        seconds = {
            name: typical(own) / len(self.small if name in part else self.views)
            for name, own in turns.items()
        }
        rows: list[dict[str, Any]] = [
            dict(
                what=name,
                people_per_second=1 / value,
                ms_per_person=1e3 * value,
                ratio=None if name in part else seconds[PLAIN] / value,
            )
            for name, value in seconds.items()
        ]
        if isinstance(self.mmpose, str):
            what = f'{MMPOSE}: {self.mmpose}'
            rows.append(dict(what=what, people_per_second=None, ms_per_person=None, ratio=None))
        return rows

    def _mmpose_crops(self) -> list[dict[str, Any]]:
        """Run MMPose's pipeline once for each crop of each person, as it has one crop a sample."""
        assert not isinstance(self.mmpose, str)
        crops = [person for person, view in zip(self.people, self.views, strict=True) for _ in view.matrices]
        return [self.mmpose(mmpose_sample(person)) for person in crops]

    def half_size_difference(self) -> float | None:
        """Return the mean difference of half-size and full-size crops in gray levels, if there are any."""
        differences = [
            np.abs(full_size_crops(view).astype(float) - half_size_crops(view)).mean() for view in self.small
        ]
        return float(np.mean(differences)) if differences else None

    def image_kib(self) -> float:
        """Return the mean size of the image files in KiB."""
        return float(np.mean([image_stamp(view.path)[0] for view in self.views])) / 1024
