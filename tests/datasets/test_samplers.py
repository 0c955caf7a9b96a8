import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmroi.datasets import HumanImageDataset, MixedDataset, MixtureSampler, samplers
from mmroi.datasets.samplers import share_out
from mmroi.fileio import HumanData


class Sets:
    """What a sampler sees of a joined dataset."""

    def __init__(self, *sizes: int) -> None:
        self.datasets = [type('Part', (), {'dataset_name': name})() for name in 'abcdef'[: len(sizes)]]
        self.cumulative_sizes = np.cumsum(sizes).tolist()

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def _drawn(sampler: MixtureSampler, epoch: int) -> list[int]:
    sampler.set_epoch(epoch)
    return list(sampler)


def _per_set(indices: list[int], dataset: Sets) -> list[int]:
    return np.bincount(
        np.searchsorted(dataset.cumulative_sizes, indices, side='right'), minlength=len(dataset.datasets)
    ).tolist()


@pytest.mark.parametrize(
    'total, ratios, counts',
    [
        (100, [4, 1, 2, 1], [50, 13, 25, 12]),  # 12.5 twice: the first of equals is rounded up
        (10, [1, 1, 1], [4, 3, 3]),
        (7, [0.5, 0.3, 0.2], [4, 2, 1]),  # 3.5, 2.1, 1.4
        (10, [0.1, 0.2, 0.7], [1, 2, 7]),
        (1, [1, 5], [0, 1]),
        (312188, [1], [312188]),
    ],
)
def test_largest_remainder(total: int, ratios: list[float], counts: list[int]) -> None:
    assert share_out(total, ratios) == counts


def test_every_epoch_has_exactly_its_shares() -> None:
    dataset = Sets(7, 100, 30)
    sampler = MixtureSampler(dataset, [2, 1, 1], seed=0)
    assert len(sampler) == 137 and sampler.counts == [69, 34, 34]
    for epoch in range(5):
        assert _per_set(_drawn(sampler, epoch), dataset) == [69, 34, 34]
    longer = MixtureSampler(dataset, [2, 1, 1], epoch_size=1000, seed=0)
    assert len(longer) == 1000 and _per_set(list(longer), dataset) == [500, 250, 250]


def test_no_row_twice_before_all_rows_once() -> None:
    """Over the ends of epochs, too: at any time the rows of a set differ by one draw at most."""
    dataset = Sets(11, 50, 70000)
    sampler = MixtureSampler(dataset, [3, 1, 2], epoch_size=60000, seed=1)
    seen: Counter = Counter()
    for epoch in range(8):
        seen.update(_drawn(sampler, epoch))
        for first, last in ((0, 11), (11, 61), (61, 70061)):
            draws = [seen[i] for i in range(first, last)]
            assert max(draws) - min(draws) <= 1
    assert max(seen) == 70060 and min(seen) == 0


def test_order_follows_from_seed_and_epoch() -> None:
    dataset = Sets(20, 30)

    def draw(seed: int, epoch: int) -> list[int]:
        return _drawn(MixtureSampler(dataset, [1, 1], seed=seed), epoch)

    assert draw(0, 3) == draw(0, 3)
    draws = [draw(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len(set(map(tuple, draws))) == 9
    # The sets come mixed, not one after the other.
    changes = np.diff(np.array(draws[0]) < 20).sum()
    assert changes > 10


def test_processes_share_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Sets(20, 31)
    whole = _drawn(MixtureSampler(dataset, [1, 2], epoch_size=51, seed=5), 2)
    ranks = []
    for rank in range(3):
        monkeypatch.setattr(samplers, 'get_dist_info', lambda rank=rank: (rank, 3))
        ranks.append(_drawn(MixtureSampler(dataset, [1, 2], epoch_size=51, seed=5), 2))
    assert [i for step in zip(*ranks, strict=True) for i in step] == whole
    # An epoch that does not divide is rounded up, so that no process waits for another.
    monkeypatch.setattr(samplers, 'get_dist_info', lambda: (2, 3))
    sampler = MixtureSampler(dataset, [1, 2], epoch_size=50, seed=5)
    assert len(sampler) == len(list(sampler)) == 17 and sum(sampler.counts) == 51


def test_seed_is_shared_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, 'sync_random_seed', lambda: 9)
    assert list(MixtureSampler(Sets(9, 9), [1, 1])) == list(MixtureSampler(Sets(9, 9), [1, 1], seed=9))


def test_counts_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    monkeypatch.setattr(samplers, 'print_log', lambda message, logger: lines.append(message))
    MixtureSampler(Sets(7, 100), [3, 1], epoch_size=40, seed=0)
    assert lines == ['An epoch of 40 draws 30 of 7 rows of a, 10 of 100 rows of b']


@pytest.mark.parametrize(
    'ratios', [[1], [1, 2, 3], [1, 0], [1, -1], [1, np.nan], [1, np.inf], 0.5, None, 'ab', [1, '2']]
)
def test_ratios_that_do_not_fit(ratios: object) -> None:
    with pytest.raises(ValueError, match='ratios must be 2 positive numbers, one for each of a, b; got'):
        MixtureSampler(Sets(5, 5), ratios, seed=0)


def test_other_bad_input() -> None:
    with pytest.raises(ValueError, match='epoch_size must be positive, got 0'):
        MixtureSampler(Sets(5, 5), [1, 1], epoch_size=0, seed=0)
    with pytest.raises(ValueError, match="the set 'b' has no rows"):
        MixtureSampler(Sets(5, 0), [1, 1], seed=0)
    with pytest.raises(TypeError, match='not from a list: give it one, or use DefaultSampler'):
        MixtureSampler([1, 2, 3], [1], seed=0)


class Recorder(BaseModel):
    """Remembers which rows it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[str, int]] = []

    def forward(self, names: list[str], rows: list[int], mode: str = 'tensor') -> dict:
        self.seen += zip(names, rows, strict=True)
        return dict(loss=self.weight * sum(rows))


def _name_and_row(results: dict) -> dict:
    return dict(names=results['dataset_name'], rows=results['row'])


def _collate(samples: list[dict]) -> dict:
    return {key: [sample[key] for sample in samples] for key in samples[0]}


def _run(folder: Path, data: Path, num_workers: int = 0, resume: bool = False, **loader: object) -> Recorder:
    sets = [dict(type='HumanImageDataset', ann_file='people.npz', dataset_name=name) for name in 'ab']
    model = Recorder()
    Runner(
        model=model,
        default_scope='mmroi',
        experiment_name=f'{folder}_{resume}',
        work_dir=str(folder),
        train_dataloader=dict(
            dataset=dict(type='MixedDataset', data_root=str(data), pipeline=[_name_and_row], datasets=sets),
            sampler=dict(type='MixtureSampler', ratios=[3, 1]),
            batch_size=2,
            num_workers=num_workers,
            collate_fn=dict(type=_collate),
            **loader,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=4),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        log_level='ERROR',
        randomness=dict(seed=3),
        resume=resume,
        custom_hooks=[dict(type='EpochSeedHook')],
    ).train()
    return model


@pytest.mark.parametrize('num_workers', [0, 2])
def test_resumed_training_sees_the_same_rows(
    people: HumanData, data_root: Path, tmp_path: Path, num_workers: int
) -> None:
    whole = _run(tmp_path / 'whole', data_root, num_workers).seen
    assert len(whole) == 4 * 16 and Counter(name for name, _ in whole) == dict(a=48, b=16)
    # 12 rows of a (8 rows) and 4 of b an epoch: after four epochs, every row of a six times, of b twice.
    assert Counter(whole) == {**{('a', i): 6 for i in range(8)}, **{('b', i): 2 for i in range(8)}}
    assert whole[:16] != whole[16:32]
    (tmp_path / 'rest').mkdir()
    shutil.copy(tmp_path / 'whole' / 'epoch_2.pth', tmp_path / 'rest')
    (tmp_path / 'rest' / 'last_checkpoint').write_text(str(tmp_path / 'rest' / 'epoch_2.pth'))
    assert _run(tmp_path / 'rest', data_root, num_workers, resume=True).seen == whole[32:]


def test_number_of_batches_in_the_loader_config(people: HumanData, data_root: Path, tmp_path: Path) -> None:
    seen = _run(tmp_path / 'short', data_root, num_batch_per_epoch=2).seen
    assert len(seen) == 4 * 2 * 2 and Counter(name for name, _ in seen) == dict(a=12, b=4)


def test_draws_from_a_mixed_dataset(people: HumanData, data_root: Path) -> None:
    parts = [
        HumanImageDataset(
            'people.npz', str(data_root), dataset_name=name, pipeline=[_name_and_row], indices=count
        )
        for name, count in (('a', 3), ('b', 8))
    ]
    dataset = MixedDataset(parts)
    sampler = MixtureSampler(dataset, [1, 1], epoch_size=12, seed=0)
    names = Counter(dataset[i]['names'] for i in sampler)
    assert names == dict(a=6, b=6)
