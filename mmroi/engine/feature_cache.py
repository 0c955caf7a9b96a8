"""Compute the features of a frozen encoder once, before a training: ``feature_cache`` in a config.

Heads, losses, and seeds then train on the same features in minutes. The folder of a cache is named by a hash
of all that its features depend on, so features of other weights, images, or crops are never used.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from torch import nn

from mmroi.datasets.cached_features import META_FILE
from mmroi.datasets.feature_shards import is_complete, shard_path, shard_sizes
from mmroi.engine.amp import has_fast_bfloat16
from mmroi.engine.feature_encoder import FeatureEncoder, fill_shard, start_process
from mmroi.engine.hooks.loss_coverage_hook import find_sets
from mmroi.engine.pipelines import read_crops, set_crops
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.downloads import locate
from mmroi.fileio.processes import run_in_processes
from mmroi.fileio.state_dicts import fingerprint, read_state_dict
from mmroi.registry import DATASETS, MODELS
from mmroi.utils.progress import ProgressBar

_VERSION = 1
_PRECISIONS = ('float32', 'bfloat16', 'auto')
_STORAGE = ('float16', 'float32')


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
        num_rois: Number of RoIs to store if more than the model's, for models with fewer RoIs to share.
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
    cache_dir: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.variants <= 99:
            raise ValueError(f'feature_cache: variants must be from 1 to 99, not {self.variants}')
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
            faster = get_device() != 'cpu' or has_fast_bfloat16()
            return replace(options, precision='bfloat16' if faster else 'float32')
        return options


def use_feature_cache(cfg: Config, progress: bool = True) -> None:
    """Fill the caches of a training and let its loaders read them; without ``feature_cache``, do nothing.

    In a distributed training the first process fills, and the others wait.

    Args:
        cfg: Config of a training, changed: ``feature_cache`` is removed.
        progress: Show progress bars on a terminal.

    Raises:
        OSError: The disk is full; what has been computed stays.
        ValueError: The model does not allow it: the backbone is not frozen, or a part needs whole maps; or an
            option or the cache at ``cache_dir`` does not fit.
    """
    given = cfg.pop('feature_cache', None)
    if given is None:
        return
    options = FeatureCacheOptions.read(given)
    init_default_scope(cfg.get('default_scope', 'mmroi'))
    model = _build_model(cfg)
    for name in ('train', 'val'):
        loader = cfg.get(f'{name}_dataloader')
        if loader:
            variants = 1 if name == 'val' else options.variants
            dataset = deepcopy(loader.dataset)
            num_rois = read_crops(dataset).num_rois
            if options.num_rois:
                set_crops(dataset, num_rois=max(num_rois, options.num_rois))
            cache = FeatureCache(model, dataset, options, cfg.get('custom_imports'))
            cache.fill(variants, progress)
            loader.dataset = dict(
                type='CachedFeatures',
                dataset=loader.dataset,
                cache_dir=str(cache.folder),
                variants=variants,
                num_rois=num_rois,
            )
            # Memory maps are read faster than workers could send their content.
            loader.update(num_workers=0, persistent_workers=False, pin_memory=False)
            loader.pop('prefetch_factor', None)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='FeatureCacheHook')]


def _build_model(cfg: Config) -> nn.Module:
    """Build the model with the weights with which the training starts."""
    with _without_logs():
        model = MODELS.build(cfg.model)
        model.init_weights()
    if cfg.get('load_from'):
        model.load_state_dict(read_state_dict(locate(cfg.load_from)), strict=False)
    if not model.encoder.is_frozen:
        raise ValueError(
            'feature_cache: the encoder is not frozen, so its features change during the training: set '
            'model.encoder.frozen_stages=4 and model.encoder.norm_eval=True, or remove feature_cache'
        )
    if model.heatmap_head is not None or model.head.needs_maps:
        part = 'heatmap_head' if model.heatmap_head is not None else f'head ({type(model.head).__name__})'
        raise ValueError(
            f"feature_cache: the model's {part} needs whole feature maps, which are not cached; remove it or "
            'feature_cache'
        )
    return model.eval()


class FeatureCache:
    """The features of one dataset.

    Args:
        model: A ``MeshEstimator`` with a frozen backbone, with its weights.
        dataset: Config of the dataset.
        options: Options.
        custom_imports: As in the config, for the processes that fill the cache.

    Attributes:
        folder: Folder of the cache.
        meta: All that the features depend on.

    Raises:
        ValueError: The folder holds features that depend on something else.
    """

    def __init__(
        self,
        model: Any,
        dataset: Mapping[str, Any],
        options: FeatureCacheOptions,
        custom_imports: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = options
        self._dataset: Any = DATASETS.build(dataset)
        self._encoder = FeatureEncoder(
            model, dataset, options.precision, options.storage, options.seed, custom_imports or {}
        )
        first, _ = next(self._encoder.encode(self._dataset, [(0, 0)]))
        self._bytes = sum(array.nbytes for array in first)
        self.meta = describe(model, self._dataset, dataset, options, [list(a.shape[1:]) for a in first])
        key = hashlib.sha256(json.dumps(self.meta, sort_keys=True).encode()).hexdigest()[:16]
        root = options.cache_dir or Path(_first_root(self._dataset), 'features')
        self.folder = Path(root) / f'{_name(self._dataset)}_{key}'

    def fill(self, variants: int, progress: bool = True) -> int:
        """Compute what is missing.

        Args:
            variants: Number of variants.
            progress: Show a progress bar on a terminal.

        Returns:
            Number of samples computed, over all variants.

        Raises:
            OSError: The disk is full.
        """
        sizes = shard_sizes(len(self._dataset))
        shards = [(v, s) for v in range(variants) for s in range(len(sizes))]
        todo = [(v, s) for v, s in shards if not is_complete(shard_path(self.folder, v, s), sizes[s])]
        if todo and not _is_first_process():
            return self._wait(todo, sizes)
        missing = sum(sizes[s] for _, s in todo)
        total = variants * len(self._dataset)
        if not todo:
            return 0
        self._check_space(missing, total)
        with atomic_write(self.folder / META_FILE) as temporary:
            temporary.write_text(json.dumps(self.meta, indent=2))
        start = time.monotonic()
        done = 0
        with ProgressBar(total, 'features', total - missing, disable=None if progress else True) as bar:
            for number in self._run(todo, sizes):
                done += number
                bar.advance(number, f'{done / (time.monotonic() - start):.1f}/s')
        return done

    def _check_space(self, missing: int, total: int) -> None:
        needed = missing * self._bytes
        folder = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        free = shutil.disk_usage(folder).free
        print_log(
            f'feature cache {self.folder}: {total} samples, {total * self._bytes / 1e9:.2f} GB, of which '
            f'{needed / 1e9:.2f} GB are missing; {free / 1e9:.1f} GB are free',
            'current',
        )
        if needed > free:
            raise OSError(
                errno.ENOSPC,
                f'feature cache: {(needed - free) / 1e9:.2f} GB are missing on the disk of {self.folder}: '
                'free them, use fewer feature_cache.variants, or set feature_cache.cache_dir to another disk',
            )

    def _run(self, todo: Sequence[tuple[int, int]], sizes: Sequence[int]) -> Iterator[int]:
        """Fill shards and yield the number of samples of each."""
        jobs = [(self.folder, variant, shard, sizes[shard]) for variant, shard in todo]
        workers = min(self._options.jobs or os.cpu_count() or 1, len(jobs))
        try:
            if get_device() != 'cpu' or workers <= 1:
                yield from self._encoder.fill_all(jobs, self._dataset, workers)
            else:
                yield from run_in_processes(fill_shard, jobs, workers, start_process, (self._encoder,))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            left = [s for v, s in todo if not is_complete(shard_path(self.folder, v, s), sizes[s])]
            missing = sum(sizes[s] for s in left) * self._bytes
            raise OSError(
                errno.ENOSPC,
                f'the disk of {self.folder} is full; {missing / 1e9:.2f} GB of features are still missing. '
                'What has been computed stays: free space and repeat the command',
            ) from error

    def _wait(self, todo: Sequence[tuple[int, int]], sizes: Sequence[int]) -> int:
        while not all(is_complete(shard_path(self.folder, v, s), sizes[s]) for v, s in todo):
            time.sleep(1)
        return 0


def describe(
    model: Any,
    dataset: Any,
    config: Mapping[str, Any],
    options: FeatureCacheOptions,
    shapes: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """Describe all that features depend on.

    Args:
        model: A ``MeshEstimator``.
        dataset: The dataset.
        config: Its config. Folders do not count, the files in them do.
        options: Options.
        shapes: Shapes of a sample's features.

    Returns:
        Numbers, strings, lists and dicts.
    """
    encoder, preprocessor = model.encoder, model.data_preprocessor
    parts = list(find_sets(dataset))
    files = hashlib.sha256()
    images: dict[str, None] = {}
    for part in parts:
        files.update(Path(part.ann_file).read_bytes())
        images.update(dict.fromkeys(part.get_data_info(i)['img_path'] for i in range(len(part))))
    stamps = hashlib.sha256()
    for path in images:
        status = os.stat(path)
        stamps.update(f'{Path(path).name} {status.st_size} {status.st_mtime_ns}\n'.encode())
    reduced = encoder.pool if encoder.neck is None else type(encoder.neck).__name__
    return dict(
        version=_VERSION,
        num_samples=len(dataset),
        backbone=fingerprint(encoder.backbone.state_dict()),
        backbone_type=type(encoder.backbone).__name__,
        reduced_by=reduced,
        shapes=[list(shape) for shape in shapes],
        preprocessor=[preprocessor.bgr_to_rgb, preprocessor.mean.tolist(), preprocessor.std.tolist()],
        dataset=json.loads(json.dumps(_without_folders(config), default=str)),
        annotations=files.hexdigest(),
        images=stamps.hexdigest(),
        seed=options.seed,
        precision=options.precision,
        storage=options.storage,
    )


def _without_folders(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {k: _without_folders(v) for k, v in config.items() if k not in ('data_root', 'data_prefix')}
    return [_without_folders(v) for v in config] if isinstance(config, list | tuple) else config


def _first_root(dataset: Any) -> str:
    return getattr(next(find_sets(dataset)), 'data_root', '') or '.'


def _name(dataset: Any) -> str:
    return Path(next(find_sets(dataset)).ann_file).stem


def _is_first_process() -> bool:
    """Whether this is the first process of a training, whose process group does not exist yet."""
    return int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', 0))) == 0


@contextmanager
def _without_logs() -> Iterator[None]:
    """Silence MMEngine's list of all weights, which the training prints as well."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
