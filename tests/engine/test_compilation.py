"""Compiled networks: equal to those that are not, once for all numbers of people, and what they need."""

from functools import partial

import pytest
import torch

from mmroi.apis import build_model
from mmroi.benchmark.speed.networks import prediction_step, random_batch
from mmroi.engine.compilation import compile_network, innermost, prepare_compiler
from mmroi.engine.pipelines import CropSettings
from mmroi.models.tta import MeshTTAModel
from mmroi.structures import Predictions
from mmroi.utils.errors import UserError

CPU = torch.device('cpu')


@pytest.fixture
def graphs(monkeypatch):
    """Graphs that PyTorch captures; they run as they are, without the minutes of a C++ compiler."""
    captured = []

    def backend(graph, inputs):
        captured.append(graph)
        return graph

    torch._dynamo.reset()
    monkeypatch.setattr(torch, 'compile', partial(torch.compile, backend=backend))
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', 'unused')
    yield captured
    torch._dynamo.reset()


def predict(model, people):
    batch = random_batch(people, CropSettings(2, (64, 48), 0.75, 1.2))
    samples = prediction_step(model, lambda: batch, CPU)()
    return Predictions.cat([sample.pred_instances for sample in samples])


def test_once_for_all_numbers_of_people_and_with_the_same_results(small_multi_roi, graphs, monkeypatch):
    said = []
    monkeypatch.setattr('mmroi.engine.compilation.print_log', lambda message, logger: said.append(message))
    model = build_model(small_multi_roi, dict(num_rois=2)).eval()
    expected = {people: predict(model, people) for people in (4, 7, 1)}
    compile_network(MeshTTAModel(model))
    counts = []
    for people, before in expected.items():
        found = predict(model, people)
        for name, value in before.to_dict().items():
            torch.testing.assert_close(getattr(found, name), value, rtol=1e-4, atol=1e-5)
        counts.append(len(graphs))
    assert counts[0] == counts[1] == 2  # network and body model
    assert counts[2] == 4  # and of a single person
    assert len(said) == 1 and said[0].startswith('compiling network and body model')


def test_what_cannot_be_compiled_is_said_in_one_sentence(small_multi_roi, monkeypatch):
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', 'unused')
    model = build_model(small_multi_roi, dict(num_rois=2)).eval()

    def broken(graph, inputs):
        raise RuntimeError('an error of the compiler')

    monkeypatch.setattr(torch, 'compile', partial(torch.compile, backend=broken))
    compile_network(model)
    with pytest.raises(UserError, match='cannot be compiled here .*an error of the compiler.*without'):
        predict(model, 2)
    torch._dynamo.reset()


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', str(tmp_path))
    assert prepare_compiler(CPU) == tmp_path
    monkeypatch.delenv('TORCHINDUCTOR_CACHE_DIR')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert prepare_compiler('cpu') == tmp_path / 'mmroi' / 'compiled'
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(UserError, match="a C\\+\\+ compiler, and 'no-such-compiler' is not installed"):
        prepare_compiler(CPU)
    monkeypatch.delenv('CXX')
    monkeypatch.setattr('sysconfig.get_path', lambda name: str(tmp_path))
    with pytest.raises(UserError, match=r'has no Python\.h: install them'):
        prepare_compiler(CPU)
    monkeypatch.setattr('mmroi.engine.compilation.find_spec', lambda name: None)
    with pytest.raises(UserError, match='compiling for cuda needs Triton: install it'):
        prepare_compiler('cuda')


def test_the_innermost_model():
    model = torch.nn.Linear(1, 1)
    assert innermost(model) is model and innermost(torch.nn.DataParallel(model)) is model
