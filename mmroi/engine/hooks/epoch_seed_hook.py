"""Random seeds that depend only on the epoch, so that a resumed run repeats the uninterrupted one."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmroi.datasets.seeded_samples import SeededBatches
from mmroi.registry import HOOKS

_VALIDATION = 2**20  # beyond any rank


def epoch_seed(seed: int, epoch: int, rank: int = 0) -> int:
    """Mix the seed of the run, the epoch and the rank into one 32-bit seed."""
    return int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1)[0])


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed Python, NumPy and PyTorch before each training epoch from the run's seed, epoch and rank.

    MMEngine resumes weights, optimizer, schedules and the order of samples, but no random state, so dropout
    and augmentation differ after a resume. Seeding each epoch by its number needs no state in the checkpoint
    and works for any number of processes.

    Datasets of this project (:class:`mmroi.datasets.seeded_samples.SeededBatches`) are seeded for each
    batch, so that the augmentation does not depend on the number of loader workers. With others, worker
    processes start with each epoch and take their seeds from the main process, as PyTorch does by default;
    MMEngine's own worker seeds are the same in every epoch and repeat the same augmentation.

    Checkpoints must be written at the end of epochs, as ``CheckpointHook(by_epoch=True)`` does.

    Tests whose pipeline has random transforms, such as boxes with noise, show each person to all networks in
    the same way: datasets of this project are seeded for each sample, whatever the seed of the run, the size
    of the batches and the number of workers.

    Args:
        test_seed: Seed of the random transforms of tests; by default that of cached features.
    """

    priority = 'VERY_HIGH'

    def __init__(self, test_seed: int = 0) -> None:
        self.test_seed = test_seed

    def before_train(self, runner: Runner) -> None:
        """Check that the run can be seeded by epoch, and remove MMEngine's worker seeds.

        Raises:
            TypeError: If the training loop counts iterations.
            ValueError: If workers, and their random state, outlive an epoch.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise TypeError(
                'EpochSeedHook needs train_cfg.type=EpochBasedTrainLoop, not '
                f'{type(runner.train_loop).__name__}: remove it from custom_hooks'
            )
        if runner.train_dataloader.persistent_workers:
            raise ValueError(
                'EpochSeedHook needs train_dataloader.persistent_workers=False: workers that '
                'outlive an epoch keep a random state that no checkpoint contains'
            )
        runner.train_dataloader.worker_init_fn = None

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed everything, before the loader starts its workers."""
        _seed_all(epoch_seed(runner.seed, runner.epoch, get_rank()))
        dataset = runner.train_dataloader.dataset
        if isinstance(dataset, SeededBatches):
            dataset.batch_seed = (runner.seed, runner.epoch)

    def before_val_epoch(self, runner: Runner) -> None:
        """Seed everything, so that a validation that is repeated after a kill gives the same."""
        _seed_all(epoch_seed(runner.seed, runner.epoch, _VALIDATION + get_rank()))

    def before_test_epoch(self, runner: Runner) -> None:
        """Seed the random transforms of each sample, before the loader starts its workers."""
        dataset = runner.test_dataloader.dataset
        if isinstance(dataset, SeededBatches):
            dataset.sample_seed = self.test_seed


def _seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
