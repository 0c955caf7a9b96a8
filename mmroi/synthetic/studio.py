"""Writes a synthetic data set: photos and labels, in parallel, resumable, the same files for the same seed.

Rendering i of a split depends on nothing but ``default_rng([seed, split, i])``. Photos are made in chunks;
the labels of a chunk are written after its photos, so a chunk whose labels exist is complete and is not made
again.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmroi.fileio.processes import end_with_parent
from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.labels import Rows, label_rows, to_human_data
from mmroi.synthetic.presets import get_preset
from mmroi.synthetic.renderer import Renderer
from mmroi.synthetic.scene import SceneSampler

SPLITS = ('train', 'val')
_CHUNK = 16
_VERSION = 1  # raise it when the same seed gives other photos


@dataclass(frozen=True)
class StudioSettings:
    """What decides the photos.

    Attributes:
        preset: Name of a preset of :mod:`presets`.
        image_size: Long side of the photos, pixels.
        seed: Any non-negative number.
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
    """Makes photos with labels.

    Args:
        settings: What to make.
    """

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self.config = get_preset(settings.preset)
        self.body = StudioBody()
        self._scenes = SceneSampler(self.body, self.config, settings.image_size)
        self._renderer = Renderer(self.body)

    def fingerprint(self) -> dict[str, Any]:
        """What the photos depend on, as it is written beside them."""
        preset = hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:16]
        return dict(
            asdict(self.settings), version=_VERSION, preset_hash=preset, body_hash=self.body.fingerprint()
        )

    def shoot(self, split: int, index: int) -> tuple[bytes, Rows]:
        """Make one photo that shows at least one person well enough.

        Args:
            split: Index in ``SPLITS``.
            index: Number of the photo.

        Returns:
            JPEG bytes and the label rows of :func:`labels.label_rows`.
        """
        rng = np.random.default_rng([self.settings.seed, split, index])
        while True:
            scene = self._scenes.sample(rng)
            photo = self._renderer.render(rng, scene)
            rows = label_rows(scene, photo, self.config['min_visible'])
            if len(rows['person_id']):
                quality = int(rng.integers(85, 97))
                _, data = cv2.imencode('.jpg', photo.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
                return data.tobytes(), rows


def image_path(split: str, index: int) -> str:
    """Path of a photo relative to the data root; a folder holds at most 1000 photos."""
    return f'images/{split}/{index // 1000:03d}/{index:06d}.jpg'


def _shard_path(out: Path, split: str, chunk: int) -> Path:
    return out / 'shards' / split / f'{chunk:06d}.npz'


def _write_atomically(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}')
    partial.write_bytes(data)
    os.replace(partial, path)


def _chunk_is_done(out: Path, split: str, chunk: int, end: int) -> bool:
    """Whether the labels of a chunk cover photos up to ``end`` and all those photos exist."""
    shard = _shard_path(out, split, chunk)
    if not shard.is_file():
        return False
    try:
        with np.load(shard) as file:
            complete = int(file['end']) == end
    except (OSError, ValueError, KeyError, EOFError):
        return False
    return complete and all((out / image_path(split, i)).is_file() for i in range(chunk * _CHUNK, end))


def _make_chunk(studio: Studio, out: Path, split: str, chunk: int, end: int) -> int:
    """Make a chunk's photos and then its labels; returns how many photos."""
    photo_index, parts = [], []
    for index in range(chunk * _CHUNK, end):
        data, rows = studio.shoot(SPLITS.index(split), index)
        _write_atomically(out / image_path(split, index), data)
        parts.append(rows)
        photo_index += [index] * len(rows['person_id'])
    content = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    content.update(end=np.array(end), photo_index=np.array(photo_index))
    shard = _shard_path(out, split, chunk)
    shard.parent.mkdir(parents=True, exist_ok=True)
    partial = shard.with_name(f'.{shard.stem}.{os.getpid()}.npz')
    np.savez(partial, allow_pickle=False, **content)
    os.replace(partial, shard)
    return end - chunk * _CHUNK


_worker_studio: Studio


def _start_worker(settings: StudioSettings) -> None:
    global _worker_studio
    end_with_parent()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _worker_studio = Studio(settings)


def _work(out: Path, split: str, chunk: int, end: int) -> int:
    return _make_chunk(_worker_studio, out, split, chunk, end)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread here and, through the environment, in new processes, so that results never differ."""
    before, torch_threads, cv_threads = (
        os.environ.get('OMP_NUM_THREADS'),
        torch.get_num_threads(),
        cv2.getNumThreads(),
    )
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
    """Write down the settings, or compares them with those of the photos that are there."""
    path = out / 'studio.json'
    if path.is_file():
        found = json.loads(path.read_text())
        if found != fingerprint:
            changed = sorted(k for k in {*found, *fingerprint} if found.get(k) != fingerprint.get(k))
            raise ValueError(
                f'{out} holds photos made with other settings ({", ".join(changed)} differ: '
                f'{[found.get(k) for k in changed]} there, {[fingerprint.get(k) for k in changed]} asked); '
                'choose another folder or delete this one'
            )
    _write_atomically(path, json.dumps(fingerprint, indent=2).encode())


def _write_annotations(out: Path, split: str, num_photos: int) -> int:
    paths: list[str] = []
    parts: list[Rows] = []
    for chunk in range(-(-num_photos // _CHUNK)):
        with np.load(_shard_path(out, split, chunk)) as file:
            rows = {key: file[key] for key in file.files if key not in ('end', 'photo_index')}
            paths += [image_path(split, i) for i in file['photo_index']]
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
    """Makes, or completes, a data set.

    Args:
        out: Folder; gets ``train.npz``, ``val.npz``, ``images/``, and ``shards/`` from which a killed run
            goes on.
        settings: What to make.
        num_train: Number of training photos.
        num_val: Number of validation photos.
        workers: Processes.
        progress: Show a progress bar.

    Returns:
        Number of rows (people) of each split, and ``new_photos`` made by this call.

    Raises:
        ValueError: If a number is negative, nothing is asked for, or the folder holds photos of other
            settings.
    """
    counts = dict(zip(SPLITS, (num_train, num_val), strict=True))
    if min(counts.values()) < 0 or not any(counts.values()):
        raise ValueError(f'numbers of photos must not be negative, and one positive; got {counts}')
    if workers < 1:
        raise ValueError(f'at least one worker is needed, got {workers}')
    out = Path(out)
    studio = Studio(settings)
    _check_folder(out, studio.fingerprint())
    todo, done = [], 0
    for split, count in counts.items():
        for chunk in range(-(-count // _CHUNK)):
            end = min((chunk + 1) * _CHUNK, count)
            if _chunk_is_done(out, split, chunk, end):
                done += end - chunk * _CHUNK
            else:
                todo.append((split, chunk, end))
    total, start = sum(counts.values()), time.monotonic()
    columns = (
        TextColumn('photos'),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[rate]:.1f}/s'),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=not progress) as bar:
        task = bar.add_task('photos', total=total, completed=done, rate=0.0)
        made = 0
        for count in _run(studio, out, todo, workers):
            made += count
            bar.update(task, advance=count, rate=made / (time.monotonic() - start))
    rows = {split: _write_annotations(out, split, count) for split, count in counts.items() if count}
    return dict(rows, new_photos=made)


def _run(studio: Studio, out: Path, todo: list[tuple[str, int, int]], workers: int) -> Iterator[int]:
    """Make chunks and yields the number of photos of each as it is done."""
    workers = min(workers, len(todo))
    with _one_thread():
        if workers <= 1:
            yield from (_make_chunk(studio, out, *chunk) for chunk in todo)
            return
        with ProcessPoolExecutor(workers, get_context('spawn'), _start_worker, (studio.settings,)) as pool:
            futures = [pool.submit(_work, out, *chunk) for chunk in todo]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
