"""The folder of a feature cache: what it depends on, and the filling of it."""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.logging import print_log

from mmroi.datasets.cached_features import META_FILE, split_pipeline
from mmroi.datasets.dataset_state import describe_dataset, find_differences
from mmroi.datasets.feature_shards import Shard, is_complete, pack_records, shard_path, shard_sizes
from mmroi.engine.amp import prefers_bfloat16
from mmroi.engine.feature_encoder import FeatureEncoder, Job, fill_shard, start_process
from mmroi.fileio.atomic import DISK_FULL, WriteError, atomic_write
from mmroi.fileio.locking import one_process_at_a_time
from mmroi.fileio.processes import run_in_processes
from mmroi.fileio.state_dicts import fingerprint
from mmroi.registry import DATASETS
from mmroi.utils.errors import UserError
from mmroi.utils.progress import ProgressBar

_VERSION = 2
_PRECISIONS = ('float32', 'bfloat16', 'auto')
_STORAGE = ('float16', 'float32')
_TOLERANCE = 0.05  # relative; between machines, bfloat16 gives up to 1 % other features


@dataclass(frozen=True)
class FeatureCacheOptions:
    """``feature_cache`` of a config.

    Attributes:
        variants: Number of random augmentations of each training sample, at least 1.
        precision: ``'float32'``; ``'bfloat16'`` to run the backbone under autocast; ``'auto'`` for bfloat16
            where it is faster, on GPUs and on CPUs with instructions for it.
        storage: Type of the stored features: ``'float16'`` or ``'float32'``.
        seed: Seed of the augmentations.
        jobs: Number of processes on a CPU, or of loader workers beside a GPU; by default the number of cores.
        num_rois: Number of RoIs to store if the model has at most as many, for all such models to share. For
            a model with more, all nine of ``MultiRoICrop`` are stored, which those with more share. Without
            effect where the features of a RoI depend on the others, as in a map that all share.
        compile: Compile the backbone, which takes a minute and pays from thousands of samples on; needs a C++
            compiler on a CPU. The features then differ by rounding.
        cache_dir: Folder of the caches; by default ``features/`` in the ``data_root`` of the dataset.

    Raises:
        ValueError: An option is out of range.
    """

    variants: int = 4
    precision: str = 'float32'
    storage: str = 'float16'
    seed: int = 0
    jobs: int | None = None
    num_rois: int | None = None
    compile: bool = False
    cache_dir: str | None = None

    def __post_init__(self) -> None:
        for name, lowest in (('variants', 1), ('seed', 0), ('jobs', 1), ('num_rois', 1)):
            value = getattr(self, name)
            optional = name in ('jobs', 'num_rois')
            if not (optional and value is None) and (type(value) is not int or value < lowest):
                raise ValueError(f'feature_cache: {name} must be an integer from {lowest}, not {value!r}')
        if self.cache_dir is not None and not (isinstance(self.cache_dir, str | Path) and self.cache_dir):
            raise ValueError(f'feature_cache: cache_dir must be the path of a folder, not {self.cache_dir!r}')
        if self.variants > 99:
            raise ValueError(f'feature_cache: variants must be at most 99, not {self.variants}')
        if self.precision not in _PRECISIONS or self.storage not in _STORAGE:
            raise ValueError(
                f'feature_cache: precision must be one of {_PRECISIONS} and storage one of {_STORAGE}, not '
                f'{self.precision!r} and {self.storage!r}'
            )

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> 'FeatureCacheOptions':
        """Read them from a config.

        Raises:
            ValueError: An option is unknown or out of range.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(given) - set(known)):
            raise ValueError(f'feature_cache does not know {", ".join(unknown)}; it knows {", ".join(known)}')
        options = cls(**given)
        if options.precision == 'auto':
            low = prefers_bfloat16(get_device())
            return replace(options, precision='bfloat16' if low else 'float32')
        return options


class FeatureCache:
    """The features of one dataset.

    The name of the folder is a hash of all that the features depend on, so others are never found in it.

    Args:
        model: A ``MeshEstimator`` with a frozen backbone, with its weights.
        dataset: Config of a ``BaseDataset``.
        options: Options.
        custom_imports: As in the config, for the processes that fill the cache.

    Attributes:
        folder: Folder of the cache.
        meta: All that the features depend on.

    Raises:
        ValueError: The dataset cannot be cached; or the folder holds other features than the code computes.
    """

    def __init__(
        self,
        model: Any,
        dataset: Mapping[str, Any],
        options: FeatureCacheOptions,
        custom_imports: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = options
        dataset, _ = split_pipeline(dataset)
        self._dataset: Any = DATASETS.build(dataset)
        if not isinstance(self._dataset, BaseDataset) or not len(self._dataset):
            found = 'it is empty' if isinstance(self._dataset, BaseDataset) else 'it is no BaseDataset'
            raise ValueError(f'feature_cache: the dataset {dataset["type"]} cannot be cached: {found}')
        self._encoder = FeatureEncoder(model, dataset, options, custom_imports or {})
        maps, samples = next(self._encoder.encode(self._dataset, [(0, 0)]))
        first = pack_records([[m[0] for m in maps]], samples, self._dataset.data_root)
        self._bytes = first.itemsize
        self.meta = _describe(model, self._dataset, dataset, options, [list(m.shape[1:]) for m in maps])
        key = hashlib.sha256(json.dumps(self.meta, sort_keys=True).encode()).hexdigest()[:16]
        root = options.cache_dir or Path(self._dataset.data_root, 'features')
        self.folder = Path(root) / f'{Path(self._dataset.ann_file).stem}_{key}'
        self._check_meta()
        self._check_first(first[0])

    def _check_meta(self) -> None:
        try:
            found = json.loads((self.folder / META_FILE).read_text())
        except (OSError, ValueError):
            return
        if differing := find_differences(found, self.meta):
            raise ValueError(
                f'feature cache {self.folder}: {META_FILE} differs from the config in '
                f'{", ".join(differing)}; delete the folder'
            )

    def _check_first(self, first: np.void) -> None:
        """Compare the first sample with the stored one: the key does not cover code and body models."""
        path = shard_path(self.folder, 0, 0)
        if not is_complete(path, shard_sizes(len(self._dataset))[0]):
            return
        maps, labels, _ = Shard(path)[0]
        stored = {f'feature.{i}': array for i, array in enumerate(maps)}
        stored |= {f'label.{key}': array for key, array in labels.items()}
        names = [name for name in first.dtype.names or () if name.startswith(('feature.', 'label.'))]
        differing = [n for n in names if n not in stored or not _is_close(first[n], stored[n])]
        if differing or len(names) != len(stored):
            raise ValueError(
                f'feature cache {self.folder}: the first sample has other values now '
                f'({", ".join(differing) or "fewer of them"}), although config, weights and data are the '
                'same: the code or the body model has changed; delete the folder'
            )

    def missing(self, variants: int) -> list[Job]:
        """List what has to be computed.

        Args:
            variants: Number of variants.

        Returns:
            The shards that are not complete.
        """
        jobs, start = [], 0
        for shard, size in enumerate(shard_sizes(len(self._dataset))):
            indices = range(start, start := start + size)
            jobs += [Job(shard_path(self.folder, v, shard), v, indices) for v in range(variants)]
        jobs = [job for job in jobs if not is_complete(job.path, len(job.indices))]
        return sorted(jobs, key=lambda job: job.path)

    def fill(self, variants: int, progress: bool = True) -> int:
        """Compute what is missing. If other processes fill the same cache, wait for them.

        Args:
            variants: Number of variants.
            progress: Show a progress bar on a terminal.

        Returns:
            Number of samples computed, over all variants.

        Raises:
            OSError: The disk is full; what has been computed stays.
        """
        if not self.missing(variants):
            return 0
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = self.folder / '.lock'
        lock.touch()
        with one_process_at_a_time(lock):
            todo = self.missing(variants)  # another process may have computed it meanwhile
            with atomic_write(self.folder / META_FILE) as temporary:
                temporary.write_text(json.dumps(self.meta, indent=2))
            total, missing = variants * len(self._dataset), _num_samples(todo)
            start = time.monotonic()
            done = 0
            with (
                ProgressBar(total, 'features', total - missing, None if progress else True) as bar,
                closing(self._run(todo, variants)) as filled,
            ):
                for number in filled:
                    done += number
                    bar.advance(number, f'{done / (time.monotonic() - start):.1f}/s')
        return done

    def num_bytes(self, variants: int) -> tuple[int, int]:
        """Return the size of the cache, and how much of it is missing."""
        return (
            variants * len(self._dataset) * self._bytes,
            _num_samples(self.missing(variants)) * self._bytes,
        )

    def _run(self, jobs: Sequence[Job], variants: int) -> Generator[int, None, None]:
        """Fill shards and yield the number of samples of each."""
        if not jobs:
            return
        workers = min(self._options.jobs or os.cpu_count() or 1, len(jobs))
        try:
            if get_device() != 'cpu' or workers <= 1:
                yield from self._encoder.fill_all(jobs, self._dataset, workers)
            else:
                yield from run_in_processes(
                    fill_shard, [(job,) for job in jobs], workers, start_process, (self._encoder,)
                )
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            raise WriteError(
                error.errno,
                f'the disk of {self.folder} is full; {self.num_bytes(variants)[1] / 1e9:.3f} GB of features '
                'are still missing. What has been computed stays: free space and repeat the command',
            ) from error


def check_space(caches: Sequence[tuple[FeatureCache, int]]) -> None:
    """Log the sizes of caches, and stop before they are filled where they cannot be, or fill a disk.

    Args:
        caches: Each with its number of variants.

    Raises:
        OSError: There is too little space.
        UserError: The folder of a cache cannot be made.
    """
    needed: dict[int, int] = {}
    for cache, variants in caches:
        size, missing = cache.num_bytes(variants)
        place = next(path for path in (cache.folder, *cache.folder.resolve().parents) if path.exists())
        if missing:
            _check_place(cache.folder, place)
        free, disk = shutil.disk_usage(place).free, os.stat(place).st_dev
        needed[disk] = needed.get(disk, 0) + missing
        if missing and os.environ.get('RANK', '0') == '0':
            print_log(  # there is no logger yet
                f'feature cache {cache.folder}: {size / 1e9:.3f} GB, of which {missing / 1e9:.3f} GB have to '
                f'be computed; {free / 1e9:.1f} GB are free'
            )
        if needed[disk] > free:
            raise WriteError(
                errno.ENOSPC,
                f'feature cache: {(needed[disk] - free) / 1e9:.3f} GB are missing on the disk of '
                f'{cache.folder}: free them, use fewer feature_cache.variants, or set '
                'feature_cache.cache_dir to a folder on another disk',
            )


def _check_place(folder: Path, place: Path) -> None:
    """Check that a folder can be made, or written to, in a path that exists."""
    if not place.is_dir():
        raise UserError(
            f'feature cache {folder} cannot be made: {place} is a file; set feature_cache.cache_dir to a '
            'folder, which is made if it is missing'
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(
            f'feature cache {folder} cannot be filled: you may not write to {place}; set '
            'feature_cache.cache_dir to a folder of your own'
        )


def _describe(
    model: Any,
    dataset: Any,
    config: Mapping[str, Any],
    options: FeatureCacheOptions,
    shapes: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """Describe all that features depend on, in numbers, strings, lists and dicts."""
    encoder, preprocessor = model.encoder, model.data_preprocessor
    return dict(
        version=_VERSION,
        backbone=fingerprint(encoder.backbone.state_dict()),
        backbone_type=type(encoder.backbone).__name__,
        reduced_by=encoder.pool if encoder.neck is None else type(encoder.neck).__name__,
        **encoder.map_settings,
        shapes=[list(shape) for shape in shapes],
        bgr_to_rgb=preprocessor.bgr_to_rgb,
        mean=preprocessor.mean.flatten().tolist(),
        std=preprocessor.std.flatten().tolist(),
        seed=options.seed,
        precision=options.precision,
        storage=options.storage,
        **describe_dataset(dataset, config),
    )


def _num_samples(jobs: Sequence[Job]) -> int:
    return sum(len(job.indices) for job in jobs)


def _is_close(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    one, other = (np.asarray(array, np.float64) for array in (one, other))
    scale = float(np.linalg.norm(other)) + 1e-6
    return float(np.linalg.norm(one - other)) <= _TOLERANCE * scale
