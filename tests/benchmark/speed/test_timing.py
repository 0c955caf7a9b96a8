import pytest
import torch

from mmroi.benchmark.speed import timing

CPU = torch.device('cpu')


def test_steps_take_turns():
    order = []
    turns = timing.take_turns({'a': lambda: order.append('a'), 'b': lambda: order.append('b')}, CPU, 0, 3)
    assert order == ['a', 'b'] * 3
    assert {name: [len(calls) for calls in own] for name, own in turns.items()} == dict(a=[1] * 3, b=[1] * 3)


def test_a_turn_ends_with_the_first_call_after_its_time(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(timing.time, 'process_time', lambda: next(now))  # a call takes one second
    assert timing.take_turns({'a': lambda: None}, CPU, 2.5, 2, cpu_time=True) == dict(a=[[1, 1, 1]] * 2)


def test_typical_is_the_median_turn_and_latency_counts_all_calls():
    turns = [[1.0, 3.0], [4.0], [100.0]]
    assert timing.typical(turns) == 4
    assert timing.latency(turns) == dict(p50_ms=3500, p95_ms=pytest.approx(4e3 + 0.85 * 96e3))


def test_machine():
    machine = timing.describe_machine(CPU)
    assert machine['device'] == 'CPU' and machine['threads'] == torch.get_num_threads() and machine['cpu']
