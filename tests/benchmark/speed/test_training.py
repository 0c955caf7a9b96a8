from itertools import repeat
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmroi.benchmark.speed import training
from mmroi.engine.pipelines import load_config


def config():
    return Config(
        dict(
            model=dict(encoder=dict(channels_last=True)),
            optim_wrapper=dict(type='OptimWrapper'),
            train_dataloader=dict(
                batch_size=8, num_workers=4, prefetch_factor=2, persistent_workers=True, dataset={}
            ),
        )
    )


def test_options_are_switched_in_a_copy(monkeypatch):
    monkeypatch.setattr(training, 'use_amp', lambda cfg: cfg.update(amp=True))
    cfg = config()
    name, changed = training.with_options(cfg, 'amp+channels_last+with_cp')
    assert name == 'amp + no channels_last + with_cp'
    assert changed.amp and changed.model.encoder == dict(channels_last=False, with_cp=True)
    assert cfg.to_dict() == config().to_dict()
    with pytest.raises(ValueError, match="joined by [+]; got 'speed'"):
        training.with_options(cfg, 'amp+speed')


def test_settings_of_the_loader():
    cfg = config()
    training.set_loader(cfg, 2, None)
    assert cfg.train_dataloader.batch_size == 2 and cfg.train_dataloader.num_workers == 4
    training.set_loader(cfg, None, 0)
    assert 'prefetch_factor' not in cfg.train_dataloader and not cfg.train_dataloader.persistent_workers


def test_steps_that_settle_do_not_count():
    """Each step takes two ticks of the clock."""
    ticks, steps = iter(range(0, 100)), []
    trainee = SimpleNamespace(
        step=lambda batch: (steps.append(batch), next(ticks), next(ticks)),
        batches=repeat('batch'),
        waiting=[],
        speed=[],
    )
    training.Trainee.turn(trainee, 0, 3, lambda: next(ticks))
    assert len(steps) == 4 and trainee.speed == [pytest.approx(1 / 3)] and 0 <= trainee.waiting[0] <= 1


def test_variants_take_turns_and_are_compared_with_the_first():
    turns = []

    class Fake:
        def __init__(self, name, speed):
            self.name, self.waiting, self.speed = name, [0.5], [speed]

        def turn(self, *_):
            turns.append(self.name)

        def peak_memory(self):
            return 1.0

    trainees = {('a', 1): Fake('a', 2.0), ('b', 1): Fake('b', 3.0)}
    rows = training.measure_training(trainees, 10, 0, 0, 2)
    assert turns == ['a', 'b'] * 2
    assert [(row['samples_per_second'], row['ratio']) for row in rows] == [(20, 1), (30, 1.5)]


def test_a_dataset_that_is_smaller_than_a_batch_is_refused(small_cliff, tmp_path, monkeypatch, mmroi_scope):
    config = load_config(small_cliff)
    few = training.usable_dataset(config.train_dataloader.dataset, tmp_path)
    config.train_dataloader.update(dataset=few, batch_size=10_000, drop_last=True, num_workers=0)
    config.train_dataloader.persistent_workers = False
    monkeypatch.setattr('mmroi.benchmark.speed.training.usable_dataset', lambda dataset, folder: dataset)
    with pytest.raises(ValueError, match='fewer than batches of 10000'):
        next(training.endless_batches(config, 1, tmp_path))
