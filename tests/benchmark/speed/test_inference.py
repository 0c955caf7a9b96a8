import pytest
import torch
from mmengine.registry import init_default_scope

from mmroi.benchmark.speed import inference
from mmroi.benchmark.speed.inference import Variant
from mmroi.engine.pipelines import CropSettings, load_config

CPU = torch.device('cpu')


@pytest.fixture
def config(small_multi_roi):
    init_default_scope('mmroi')
    return load_config(small_multi_roi)


def test_networks_share_one_encoder(config, small_multi_roi):
    networks = inference.build_networks(config, [1, 3, 3], CPU)
    name = small_multi_roi.stem
    assert list(networks) == [(name, 1), (name, 3), ('CLIFF', 1), ('HMR', 1)]
    assert len({id(network.encoder) for network in networks.values()}) == 1
    assert not any(network.training for network in networks.values())


def test_numbers_of_rois_that_a_network_does_not_support(small_cliff, capsys):
    init_default_scope('mmroi')
    config = load_config(small_cliff)
    assert [rois for _, rois in inference.build_networks(config, [1, 2], CPU, with_baselines=False)] == [1]
    assert 'does not support M = 2' in capsys.readouterr().out
    with pytest.raises(ValueError, match='takes none of --rois 2'):
        inference.build_networks(config, [2], CPU)


def test_batches_in_memory_are_made_once():
    batches = inference.batches_in_memory(CropSettings(5, (8, 6), 0.75, 1.2))
    assert batches(2, 3) is batches(2, 3) and len(batches(1, 3)['inputs']) == 1


def test_ratios_are_to_the_first_network_with_the_same_batch(monkeypatch):
    network = torch.nn.Linear(2, 2)
    networks = {('a', 1): network, ('a', 5): network, ('b', 1): network}
    steps = inference.make_steps(
        networks, dict.fromkeys('ab', lambda size, rois: {}), CPU, [1, 4], ['fp32'], ['eager']
    )
    assert list(steps)[:4] == [
        Variant('a', 1, 1, 'fp32', 'eager'),
        Variant('a', 5, 1, 'fp32', 'eager'),
        Variant('b', 1, 1, 'fp32', 'eager'),
        Variant('a', 1, 4, 'fp32', 'eager'),
    ]
    seconds = iter([1.0, 2.0, 4.0, 2.0, 8.0, 1.0])
    monkeypatch.setattr(inference, 'take_turns', lambda steps, *_: {v: [[next(seconds)]] for v in steps})
    steps = dict.fromkeys(steps, lambda: None)
    rows = inference.measure_inference(networks, steps, CPU, 0, 1)
    assert [row['frames_per_second'] for row in rows] == [1, 0.5, 0.25, 2, 0.5, 4]
    assert [row['ratio'] for row in rows] == [1, 0.5, 0.25, 1, 0.25, 2]


def test_compiling_pays_when_its_time_is_saved(monkeypatch):
    modes = ('folded', 'folded+compiled', 'compiled')
    steps = {Variant('a', 5, 4, 'fp32', mode): lambda: None for mode in modes}
    first, typical = iter([3.0, 31.0, 9.0]), iter([2.0, 1.0, 1.0])
    monkeypatch.setattr(inference, 'timed', lambda *_: next(first))
    monkeypatch.setattr(inference, 'take_turns', lambda steps, *_: {v: [[next(typical)]] for v in steps})
    networks = {('a', 5): torch.nn.Linear(2, 2)}
    rows = inference.measure_inference(networks, steps, CPU, 0, 1, compile_cost=True)
    costs = [(row['compile_s'], row['pays_from']) for row in rows]
    # 30 s to save 1 s in each batch of four; nothing to compare the last one with.
    assert costs == [(None, None), (30, 120), (8, None)]
