import shutil

import pytest
import torch
from mmengine.evaluator import BaseMetric

from mmroi.datasets.seeded_samples import SeededBatches
from mmroi.engine import EpochSeedHook
from mmroi.engine.hooks.epoch_seed_hook import epoch_seed

from ..conftest import NoisyNumbers


def weights(runner):
    return torch.cat([p.detach().flatten() for p in runner.model.parameters()])


def whole_and_resumed(make_runner, loader, tmp_path, hooks, num_workers):
    """Weights of a run of 4 epochs, and of one that starts from its checkpoint of epoch 2."""

    def options():
        return dict(custom_hooks=hooks(), train_loader=loader(num_workers=num_workers))

    whole = make_runner(tmp_path / 'whole', **options())
    whole.train()
    (tmp_path / 'rest').mkdir()
    shutil.copy(tmp_path / 'whole' / 'epoch_2.pth', tmp_path / 'rest')
    (tmp_path / 'rest' / 'last_checkpoint').write_text(str(tmp_path / 'rest' / 'epoch_2.pth'))
    rest = make_runner(tmp_path / 'rest', resume=True, **options())
    rest.train()
    assert rest.iter == whole.iter == 12
    return weights(whole), weights(rest)


@pytest.mark.parametrize('num_workers', [0, 2])
def test_resumed_run_equals_the_uninterrupted_one(make_runner, loader, tmp_path, num_workers):
    whole, rest = whole_and_resumed(make_runner, loader, tmp_path, lambda: [EpochSeedHook()], num_workers)
    assert torch.equal(whole, rest)


def test_is_needed(make_runner, loader, tmp_path):
    """When this fails, MMEngine resumes the random state by itself: remove the hook."""
    whole, rest = whole_and_resumed(make_runner, loader, tmp_path, lambda: [], 0)
    assert not torch.equal(whole, rest)


def test_seeds_differ():
    seeds = {epoch_seed(seed, epoch, rank) for seed in range(5) for epoch in range(5) for rank in range(5)}
    assert len(seeds) == 125
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_workers_draw_anew_in_each_epoch(make_runner, loader):
    runner = make_runner(custom_hooks=[EpochSeedHook()], train_loader=loader(num_workers=1), max_epochs=2)
    seen = []
    runner.model.layer.register_forward_pre_hook(lambda layer, args: seen.append(args[0][:, 0].frac()))
    runner.train()
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert len(first) == len(second) == 6
    assert not torch.equal(first.sort().values, second.sort().values)


class SeededNumbers(SeededBatches, NoisyNumbers):
    """Noisy numbers whose noise depends on the batch."""


@pytest.mark.parametrize('num_workers', [1, 2])
def test_samples_do_not_depend_on_the_number_of_workers(make_runner, loader, num_workers):
    found = []
    for workers in (0, num_workers):
        seen = []
        runner = make_runner(
            custom_hooks=[EpochSeedHook()],
            train_loader=loader(num_workers=workers, dataset=SeededNumbers()),
            max_epochs=2,
        )
        runner.model.layer.register_forward_pre_hook(
            lambda layer, args, seen=seen: seen.append(args[0].clone())
        )
        runner.train()
        found.append((torch.cat(seen), weights(runner)))
    (noise, trained), (other_noise, other_trained) = found
    assert torch.equal(noise, other_noise)
    assert torch.equal(trained, other_trained)  # dropout as well
    assert not torch.equal(noise[:6].sort(0).values, noise[6:].sort(0).values)


class NoMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {}


@pytest.mark.parametrize('batch_size, num_workers, seed', [(2, 0, 8), (4, 2, 7)])
def test_tests_show_everyone_the_same(make_runner, loader, batch_size, num_workers, seed):
    """Also a second time in the same run, and whatever the order."""

    def seen(test_seed=0, seed=7, **options):
        runner = make_runner(
            custom_hooks=[EpochSeedHook(test_seed)],
            seed=seed,
            test_dataloader=loader(dataset=SeededNumbers(), **options),
            test_cfg={},
            test_evaluator=dict(type=NoMetric),
        )
        found = []
        runner.model.layer.register_forward_pre_hook(lambda layer, args: found.append(args[0][:, 0]))
        runner.test()
        runner.test()
        first, second = torch.cat(found).sort().values.unflatten(0, (6, 2)).unbind(1)
        assert torch.equal(first, second)
        return first

    first = seen()
    assert torch.equal(first, seen(seed=seed, batch_size=batch_size, num_workers=num_workers))
    assert len(first.frac().unique()) == 6  # of different noise
    assert not torch.equal(first, seen(test_seed=1))


def test_refuses_workers_that_outlive_an_epoch(make_runner, loader):
    runner = make_runner(
        custom_hooks=[EpochSeedHook()], train_loader=loader(num_workers=1, persistent_workers=True)
    )
    with pytest.raises(ValueError, match='train_dataloader.persistent_workers=False'):
        runner.train()


def test_refuses_loops_without_epochs(make_runner):
    runner = make_runner(custom_hooks=[EpochSeedHook()], train_cfg=dict(by_epoch=False, max_iters=2))
    with pytest.raises(TypeError, match='EpochBasedTrainLoop'):
        runner.train()
