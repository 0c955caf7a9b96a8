"""Writes synthetic datasets: in parallel, resumable, and with the same files for the same seed.

Image i of a split depends only on ``default_rng([seed, split, i])``. Images are rendered in chunks. The
labels of a chunk (its shard) are written after its images, so a chunk with a shard is complete and is not
rendered again.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.logging import print_log

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.locking import reserve
from mmroi.fileio.output_folders import check_folder
from mmroi.fileio.processes import run_in_processes
from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.labels import Rows, label_rows, to_human_data
from mmroi.synthetic.presets import get_preset
from mmroi.synthetic.renderer import Renderer
from mmroi.synthetic.scene import SceneSampler
from mmroi.utils.progress import ProgressBar

SPLITS = ('train', 'val')
_CHUNK = 16
_IMAGE_INDEX = 'photo_index'  # key in the shards; renaming it would break resuming of existing folders
_VERSION = 3  # increment it when the same seed gives other images


@dataclass(frozen=True)
class StudioSettings:
    """Settings that determine the images.

    Attributes:
        preset: Name of a preset of :mod:`~mmroi.synthetic.presets`.
        image_size: Long side of the images, pixels, 64 to 2048.
        seed: Non-negative random seed.

    Raises:
        ValueError: If the preset is unknown or a number is out of range.
    """

    preset: str = 'full'
    image_size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        get_preset(self.preset)
        if not 64 <= self.image_size <= 2048:
            raise ValueError(f'image size must be 64 to 2048 pixels, got {self.image_size}')
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, got {self.seed}')


class Studio:
    """Renders images with labels.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self.config = get_preset(settings.preset)
        self.body = StudioBody()
        self._scenes = SceneSampler(self.body, self.config, settings.image_size)
        self._renderer = Renderer(self.body)

    def fingerprint(self) -> dict[str, Any]:
        """Return everything the images depend on, as written to ``studio.json``."""
        preset = hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:16]
        return dict(
            asdict(self.settings), version=_VERSION, preset_hash=preset, body_hash=self.body.fingerprint()
        )

    def render(self, split: int, index: int) -> tuple[bytes, Rows]:
        """Render one image with at least one sufficiently visible person.

        Args:
            split: Index in ``SPLITS``.
            index: Index of the image in its split.

        Returns:
            JPEG bytes, and the rows of :func:`~mmroi.synthetic.labels.label_rows`.
        """
        rng = np.random.default_rng([self.settings.seed, split, index])
        while True:
            scene = self._scenes.sample(rng)
            rendering = self._renderer.render(rng, scene)
            rows = label_rows(scene, rendering, self.config['min_visible'])
            if len(rows['person_id']):
                quality = int(rng.integers(60, 98))
                _, data = cv2.imencode('.jpg', rendering.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
                return data.tobytes(), rows


def image_path(split: str, index: int) -> str:
    """Return the path of an image relative to the data root; a folder holds at most 1000 images."""
    return f'images/{split}/{index // 1000:03d}/{index:06d}.jpg'


def _shard_path(out: Path, split: str, chunk: int) -> Path:
    return out / 'shards' / split / f'{chunk:06d}.npz'


def _chunk_is_done(out: Path, split: str, chunk: int, end: int) -> bool:
    """Return whether the shard of a chunk reaches up to image ``end`` and it and all its images are whole."""
    shard = _shard_path(out, split, chunk)
    if not shard.is_file():
        return False
    images = [out / image_path(split, i) for i in range(chunk * _CHUNK, end)]
    try:
        with np.load(shard) as file:
            content = {key: file[key] for key in file.files}  # compares the checksums
        if int(content['end']) != end:  # there were fewer images before
            return False
        damaged = [path for path in images if not _is_whole(path)]
    except Exception:  # damaged bytes raise almost anything
        damaged = [shard]
    if damaged:
        message = f'{damaged[0]} is missing or damaged: images {chunk * _CHUNK} to {end - 1} are made again'
        print_log(message, 'current', logging.WARNING)
    return not damaged


def _is_whole(image: Path) -> bool:
    """Return whether a JPEG begins and ends as one; a power failure can leave it empty or cut off."""
    try:
        with open(image, 'rb') as file:
            start = file.read(2)
            file.seek(-2, os.SEEK_END)
            return start + file.read(2) == b'\xff\xd8\xff\xd9'
    except OSError:
        return False


def _make_chunk(studio: Studio, out: Path, split: str, chunk: int, end: int) -> int:
    """Write the images of a chunk and then its shard; return the number of images."""
    image_index: list[int] = []
    parts: list[Rows] = []
    for index in range(chunk * _CHUNK, end):
        data, rows = studio.render(SPLITS.index(split), index)
        with atomic_write(out / image_path(split, index), fsync=False) as temporary:
            temporary.write_bytes(data)
        parts.append(rows)
        image_index += [index] * len(rows['person_id'])
    content = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    content.update({'end': np.array(end), _IMAGE_INDEX: np.array(image_index)})
    with atomic_write(_shard_path(out, split, chunk), fsync=False) as temporary:
        np.savez(temporary, **content)  # type: ignore[arg-type]
    return end - chunk * _CHUNK


_worker_studio: Studio


def _start_worker(settings: StudioSettings) -> None:
    global _worker_studio
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _worker_studio = Studio(settings)


def _work(out: Path, split: str, chunk: int, end: int) -> int:
    return _make_chunk(_worker_studio, out, split, chunk, end)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread here and, through the environment, in new processes: results stay reproducible."""
    before = os.environ.get('OMP_NUM_THREADS')
    torch_threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    os.environ['OMP_NUM_THREADS'] = '1'
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        if before is None:
            del os.environ['OMP_NUM_THREADS']
        else:
            os.environ['OMP_NUM_THREADS'] = before
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv_threads)


def _check_folder(out: Path, fingerprint: dict[str, Any]) -> None:
    """Write the fingerprint, or compare it with that of the images already in the folder."""
    path = out / 'studio.json'
    if not path.is_file():
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(fingerprint, indent=2))
        return
    try:
        found = dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}); delete {out} or choose another folder') from error
    if found != fingerprint:
        changed = sorted(k for k in {*found, *fingerprint} if found.get(k) != fingerprint.get(k))
        raise ValueError(
            f'{out} holds images rendered with other settings ({", ".join(changed)}: '
            f'{[found.get(k) for k in changed]} there, {[fingerprint.get(k) for k in changed]} requested); '
            'choose another folder or delete this one'
        )


def _write_annotations(out: Path, split: str, num_images: int) -> int:
    """Join the shards of a split into ``{split}.npz``; return the number of rows."""
    paths: list[str] = []
    parts: list[Rows] = []
    for chunk in range(-(-num_images // _CHUNK)):
        with np.load(_shard_path(out, split, chunk)) as file:
            rows = {key: file[key] for key in file.files if key not in ('end', _IMAGE_INDEX)}
            paths += [image_path(split, i) for i in file[_IMAGE_INDEX]]
        parts.append(rows)
    to_human_data(paths, parts).dump(out / f'{split}.npz')
    return len(paths)


def make_dataset(
    out: str | Path,
    settings: StudioSettings,
    num_train: int,
    num_val: int,
    workers: int = 1,
    progress: bool = True,
) -> dict[str, int]:
    """Render a dataset, or what is missing of it. Wait for another process that does so in the same folder.

    Args:
        out: Folder to write ``train.npz``, ``val.npz``, ``images/`` and ``shards/`` to. An interrupted run
            resumes from the shards.
        settings: The settings.
        num_train: Number of training images.
        num_val: Number of validation images.
        workers: Number of processes.
        progress: Show a progress bar on a terminal.

    Returns:
        Number of people in each split, and ``new_images``, the number of images rendered by this call.

    Raises:
        ValueError: If a number is negative, both are zero, or the folder holds images of other settings.
        WriteError: If nothing can be written into the folder.
    """
    counts = dict(zip(SPLITS, (num_train, num_val), strict=True))
    if min(counts.values()) < 0 or not any(counts.values()):
        raise ValueError(f'numbers of images must not be negative and not all zero, got {counts}')
    if workers < 1:
        raise ValueError(f'the number of workers must be at least 1, got {workers}')
    out = Path(out)
    studio = Studio(settings)
    check_folder(out, '--out')
    with reserve(out / '.lock', busy=None):
        return _make_missing(studio, out, counts, workers, progress)


def _make_missing(
    studio: Studio, out: Path, counts: dict[str, int], workers: int, progress: bool
) -> dict[str, int]:
    _check_folder(out, studio.fingerprint())
    todo: list[tuple[str, int, int]] = []
    done = 0
    for split, count in counts.items():
        for chunk in range(-(-count // _CHUNK)):
            end = min((chunk + 1) * _CHUNK, count)
            if _chunk_is_done(out, split, chunk, end):
                done += end - chunk * _CHUNK
            else:
                todo.append((split, chunk, end))
    made, start = 0, time.monotonic()
    with (
        ProgressBar(
            sum(counts.values()), 'images', completed=done, disable=None if progress else True
        ) as bar,
        closing(_run(studio, out, todo, workers)) as rendered,
    ):
        for count in rendered:
            made += count
            bar.advance(count, f'{made / (time.monotonic() - start):.1f}/s')
    rows = {split: _write_annotations(out, split, count) for split, count in counts.items() if count}
    return dict(rows, new_images=made)


def _run(
    studio: Studio, out: Path, todo: Sequence[tuple[str, int, int]], workers: int
) -> Generator[int, None, None]:
    """Render chunks and yield the number of images of each when it is done."""
    workers = min(workers, len(todo))
    with _one_thread():
        if workers <= 1:
            yield from (_make_chunk(studio, out, *chunk) for chunk in todo)
            return
        jobs = [(out, *chunk) for chunk in todo]
        yield from run_in_processes(_work, jobs, workers, _start_worker, (studio.settings,))
