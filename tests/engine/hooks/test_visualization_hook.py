import cv2
import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer

from mmroi.body_models import SMPL
from mmroi.datasets import BadSampleError
from mmroi.engine import MeshVisualizationHook
from mmroi.structures import HMRDataSample
from mmroi.visualization import MeshVisualizer

ERRORS = [30.0, 90.0, 10.0, float('nan'), 70.0, 90.0, 20.0]


class Errors(BaseMetric):
    """Has the errors above, as MeshMetric keeps them."""

    def process(self, data_batch, data_samples):
        self.results += [{'MPJPE': ERRORS[sample['sample_idx']]} for sample in data_samples]

    def compute_metrics(self, results):
        return {}


class Recorder(MeshVisualizer):
    """Notes what it would draw."""

    def add_datasample(self, name, image, data_sample, out_file=None, step=0, text='', **options):
        self.drawn = [*getattr(self, 'drawn', []), (name, data_sample.sample_idx, out_file, step, text)]


class FakeRunner:
    def __init__(self, visualizer, metrics):
        self.iter = 40
        self.visualizer = visualizer
        self.model = torch.nn.Module()
        self.model.body_model = SMPL()
        self.val_evaluator = self.test_evaluator = Evaluator(metrics)
        loader = torch.utils.data.DataLoader(ERRORS, batch_size=3)
        self.val_dataloader = self.test_dataloader = loader


@pytest.fixture
def people(tmp_path):
    """Seven people in one image."""
    image = tmp_path / 'image.jpg'
    cv2.imwrite(str(image), np.zeros((40, 30, 3), np.uint8))
    samples = []
    for index in range(len(ERRORS)):
        meta = dict(
            sample_idx=index,
            img_path=str(image),
            dataset_name='unit',
            focal_length=50.0,
            boxes=np.array([[0, 0, 30.0]]),
            principal_point=np.array((15.0, 20.0)),
        )
        samples.append(HMRDataSample(metainfo=meta))
        samples[-1].pred_instances = InstanceData(betas=torch.zeros(1, 10))
    return samples


def run(hook, people, mode='test', metrics=None, visualizer=None):
    visualizer = visualizer or Recorder(str(id(hook)))
    runner = FakeRunner(visualizer, [Errors()] if metrics is None else metrics)
    getattr(hook, f'before_{mode}_epoch')(runner)
    for start in range(0, len(people), 3):
        batch = people[start : start + 3]
        runner.test_evaluator.process(batch, None)
        getattr(hook, f'after_{mode}_iter')(runner, start, None, batch)
    getattr(hook, f'after_{mode}_epoch')(runner, {})
    return getattr(visualizer, 'drawn', [])


@pytest.mark.parametrize(
    'options, drawn',
    [
        (dict(), [*range(7)]),
        (dict(max_pictures=3), [0, 3, 6]),
        (dict(max_pictures=None), [*range(7)]),
        (dict(interval=2), [0, 2, 4, 6]),
        (dict(enable=False), []),
        (dict(worst=2, enable=False), []),
    ],
)
def test_who_is_drawn(people, options, drawn):
    assert [index for _, index, *_ in run(MeshVisualizationHook(**options), people)] == drawn


def test_the_worst_come_first(people, tmp_path):
    hook = MeshVisualizationHook(worst=3, out_dir=str(tmp_path / 'out'))
    pictures = run(hook, people)
    assert [index for _, index, *_ in pictures] == [1, 5, 4]  # of equals the earlier; NaN is no error
    files = [path.relative_to(tmp_path).as_posix() for _, _, path, _, _ in pictures]
    assert files[0] == 'out/001_MPJPE_90_image.jpg' and files[2] == 'out/003_MPJPE_70_image.jpg'
    assert pictures[2][-1].endswith('image.jpg   MPJPE 70 mm')
    assert [index for _, index, *_ in run(MeshVisualizationHook(worst=100), people)] == [1, 5, 4, 0, 6, 2]


class Accuracies(BaseMetric):
    """Has a number that is better when it is larger, and nothing for the first person of each batch."""

    def process(self, data_batch, data_samples):
        rows = [{'PCK': 100 - ERRORS[sample['sample_idx']], 'MPJPE': 1.0} for sample in data_samples]
        self.results += [{}, *rows[1:]]

    def compute_metrics(self, results):
        return {}


def test_the_worst_have_the_smallest_pck(people, tmp_path):
    pictures = run(
        MeshVisualizationHook(worst=3, metric='PCK', out_dir=str(tmp_path)), people, metrics=[Accuracies()]
    )
    assert [index for _, index, *_ in pictures] == [1, 5, 4]
    assert pictures[0][2].name == '001_PCK_10_image.jpg' and 'PCK 10 %   MPJPE 1 mm' in pictures[0][-1]
    # Nobody without the number is drawn.
    everybody = run(MeshVisualizationHook(worst=9, metric='PCK'), people, metrics=[Accuracies()])
    assert [index for _, index, *_ in everybody] == [1, 5, 4, 2]


def test_names_and_steps_in_a_validation(people, tmp_path):
    drawn = run(MeshVisualizationHook(interval=5), people, 'val')
    assert [picture[:4] for picture in drawn] == [('val_000000', 0, None, 40), ('val_000005', 5, None, 40)]
    drawn = run(MeshVisualizationHook(interval=5, out_dir=str(tmp_path)), people, 'val')
    assert drawn[1][2] == tmp_path / 'iter_40' / '000005_image.jpg'
    drawn = run(MeshVisualizationHook(worst=1), people, 'val')
    assert drawn[0][:2] == ('val_worst_001', 1)


def test_the_worst_of_all_processes(people, monkeypatch):
    """Another process found the same person, which a sampler had repeated, and one worse."""

    def gather(worst):
        by_index = {-entry[1]: entry for entry in worst}
        return [worst, [by_index[1], (95.0, -6, people[6], {'MPJPE': 95.0})]]

    monkeypatch.setattr('mmroi.engine.hooks.visualization_hook.all_gather_object', gather)
    assert [index for _, index, *_ in run(MeshVisualizationHook(worst=3), people)] == [6, 1, 5]
    monkeypatch.setattr('mmroi.engine.hooks.visualization_hook.is_main_process', lambda: False)
    assert run(MeshVisualizationHook(worst=3), people) == []


def test_the_networks_body_is_drawn(people):
    visualizer = Recorder('body')
    run(MeshVisualizationHook(), people, visualizer=visualizer)
    assert isinstance(visualizer.body_model, SMPL)


def test_bad_input(people):
    with pytest.raises(ValueError, match='worst must be at least 1, not 0'):
        MeshVisualizationHook(worst=0)
    with pytest.raises(TypeError, match=r"needs visualizer=dict\(type='MeshVisualizer'"):
        run(MeshVisualizationHook(), people, visualizer=Visualizer('plain'))
    with pytest.raises(KeyError, match="the error 'PVE' for each person"):
        run(MeshVisualizationHook(worst=2, metric='PVE'), people)
    with pytest.raises(BadSampleError, match='gone.jpg does not exist'):
        people[0].set_metainfo(dict(img_path='gone.jpg'))
        run(MeshVisualizationHook(), people)


def test_people_of_a_wrapped_model_have_its_body():
    """As of RefinedModel, which has none of its own."""
    runner = FakeRunner(Recorder('wrapped'), [Errors()])
    body = runner.model.body_model
    wrapper = torch.nn.Module()
    wrapper.module = runner.model
    runner.model = wrapper
    MeshVisualizationHook().before_test_epoch(runner)
    assert runner.visualizer.body_model is body
