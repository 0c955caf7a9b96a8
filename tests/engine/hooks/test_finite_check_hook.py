import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmroi.engine.hooks import AtomicCheckpointHook, FiniteCheckHook
from mmroi.structures import HMRDataSample


class Product(BaseModel):
    """A loss that is w * x of the batch; x may be NaN, or have a gradient that is not finite."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(1))
        self.register_buffer('mask', torch.full((1,), -torch.inf))

    def forward(self, inputs, data_samples, mode='tensor'):
        x = torch.stack(list(inputs)).mean()
        root = (self.w * (x - x.detach())).sqrt() if x < 0 else 0  # zero with an infinite gradient
        return dict(loss=(self.w * x + root).sum(), loss_part=x)


@pytest.fixture
def run(tmp_path):
    """``run(values)`` trains one epoch on batches of one value; gives the runner."""

    def train(values, max_epochs=1, model=None, load_from=None, **options):
        samples = [
            dict(
                inputs=torch.tensor(float(value)),
                data_samples=HMRDataSample(metainfo=dict(row=100 + i, dataset_name='people')),
            )
            for i, value in enumerate(values)
        ]
        runner = Runner(
            model or Product(),
            str(tmp_path / 'work'),
            dict(
                batch_size=1,
                num_workers=0,
                dataset=samples,
                sampler=dict(type='DefaultSampler', shuffle=False),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.5)),
            default_hooks=dict(finite=FiniteCheckHook(**options), checkpoint=AtomicCheckpointHook(1)),
            default_scope='mmroi',
            experiment_name=f'{tmp_path.name}_{torch.rand(1).item()}',
            log_level='ERROR',
            load_from=load_from,
        )
        train.runner = runner
        runner.train()
        return runner

    return train


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -1.0])
def test_stops_before_the_step(run, tmp_path, bad):
    with pytest.raises(FloatingPointError) as caught:
        run([1, 2, bad, 1])
    message = str(caught.value)
    assert 'epoch 1, iteration 3, in which the learning rate is 0.5, loss' in message
    assert 'rows 102 of people' in message
    assert 'There is no checkpoint yet' in message
    assert 'default_hooks.finite.max_skips=3' in message
    assert train_weight(run) == 1 - 0.5 * (1 + 2)
    assert not list((tmp_path / 'work').glob('*.pth'))


def train_weight(run):
    return run.runner.model.w.item()


def test_names_the_last_good_checkpoint(run, tmp_path):
    model = Product()

    def poison(model, inputs):
        if run.runner.epoch:
            model.w.data.fill_(torch.nan)

    model.register_forward_pre_hook(poison)
    with pytest.raises(FloatingPointError, match=r'epoch 2, iteration 3.*epoch_1\.pth \(--resume\)'):
        run([1, 1], max_epochs=2, model=model)
    assert sorted(path.name for path in (tmp_path / 'work').glob('*.pth')) == ['epoch_1.pth']


def test_a_few_steps_may_be_left_out(run):
    runner = run([1, torch.nan, -1, 2], max_skips=2)
    assert runner.model.w.item() == 1 - 0.5 * (1 + 2)
    with pytest.raises(FloatingPointError, match='iteration 4'):
        run([1, torch.nan, -1, torch.inf], max_skips=2)
    runner = run([torch.nan, 1, torch.nan, 1], max_skips=1)  # in a row
    assert runner.model.w.item() == 0


def test_weights_are_checked_before_they_are_saved(run, tmp_path):
    model = Product()
    model.register_forward_hook(lambda m, *_: setattr(m, 'bad', torch.nn.Parameter(torch.tensor(torch.nan))))
    model.bad = torch.nn.Parameter(torch.tensor(0.0))
    with pytest.raises(FloatingPointError, match=r'bad of the network is not finite.*nothing is saved'):
        run([1], model=model)
    assert [path.name for path in (tmp_path / 'work').iterdir() if 'pth' in path.name] == []


def test_masks_of_infinity_are_no_fault(run, tmp_path):
    run([1, 1])
    assert (tmp_path / 'work' / 'epoch_1.pth').is_file()


def test_refuses_a_poisoned_start(run, tmp_path):
    poisoned = Product()
    poisoned.w.data.fill_(torch.nan)
    torch.save(dict(state_dict=poisoned.state_dict()), tmp_path / 'poisoned.pth')
    with pytest.raises(ValueError, match=r'poisoned\.pth: w has NaN among its weights \(1 of 1'):
        run([1], load_from=str(tmp_path / 'poisoned.pth'))
    with pytest.raises(ValueError, match='weights at the start are not finite'):
        run([1], model=poisoned)


def test_a_large_learning_rate_stops(make_runner, tmp_path):
    """Twelve iterations of a rate that doubles the exponent."""
    runner = make_runner(
        tmp_path / 'diverged',
        default_hooks=dict(finite=FiniteCheckHook(), checkpoint=AtomicCheckpointHook(1)),
    )
    runner.optim_wrapper['optimizer'] = dict(type='SGD', lr=1e6)
    with pytest.raises(FloatingPointError, match='learning rate is 1e\\+06'):
        runner.train()
