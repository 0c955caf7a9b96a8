import pytest
import torch

from mmroi.benchmark.speed import bodies
from mmroi.benchmark.speed.bodies import BodyVariant
from mmroi.body_models import SMPL

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def steps():
    return bodies.make_steps({'smplx': SMPL(layer='smplx'), 'mmroi': SMPL()}, [1, 2], CPU)


def test_every_combination_runs(steps):
    assert len(steps) == 2 * 2 * 2 * 2
    for step in steps.values():
        step()


def test_backward_computes_gradients(steps, monkeypatch):
    wanted = []
    monkeypatch.setattr(torch.autograd, 'grad', lambda outputs, inputs, _: wanted.append(outputs[0].shape))
    for output in ('mesh', 'joints'):
        for backward in (False, True):
            steps[BodyVariant('mmroi', 2, output, backward)]()
    assert wanted == [(2, 6890, 3), (2, 54, 3)]


def test_ratios_are_to_the_first_layer(steps, monkeypatch):
    seconds = {'smplx': 4.0, 'mmroi': 1.0}
    turns = {variant: [[seconds[variant.layer] * variant.bodies]] for variant in steps}
    monkeypatch.setattr(bodies, 'take_turns', lambda *_: turns)
    rows = bodies.measure_bodies(dict.fromkeys(steps, lambda: None), CPU, 0, 1)
    assert [row['ratio'] for row in rows] == [1] * 8 + [4] * 8
    assert rows[0] == dict(layer='smplx', bodies=1, output='mesh', backward=False, ms=4e3, ratio=1)
