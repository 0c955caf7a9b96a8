"""The table of labels and losses at the start of a training, and the errors."""

import logging
import os
import socket

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.dataset import RepeatDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mmroi.datasets import HumanImageDataset, MixedDataset
from mmroi.engine.hooks import LossCoverageHook
from mmroi.fileio import HumanData
from mmroi.structures import CONVENTIONS

ROWS = 6
HIPS = [CONVENTIONS['smpl_54'].index(f'{side}_hip_extra') for side in ('left', 'right')]  # Human3.6M's


class OfSMPL(nn.Module):
    def reaches(self, keypoints2d, keypoints3d, has_smpl):
        return has_smpl > 0


class Of2D(nn.Module):
    """Counts joints by weights, which lie on the device of the model."""

    def __init__(self, joints=range(54)):
        super().__init__()
        self.register_buffer('weights', torch.zeros(54))
        self.weights[list(joints)] = 1

    def reaches(self, keypoints2d, keypoints3d, has_smpl):
        return (keypoints2d * self.weights > 0).any(1)


class Of3D(nn.Module):
    """Aligns people at two joints, without which a person does not count."""

    def __init__(self, pelvis=HIPS):
        super().__init__()
        self.pelvis = list(pelvis)

    def reaches(self, keypoints2d, keypoints3d, has_smpl):
        return (keypoints3d[:, self.pelvis] > 0).all(1)


class OfBoth(nn.Module):
    def reaches(self, keypoints2d, keypoints3d, has_smpl):
        return ((keypoints2d > 0) & (keypoints3d > 0)).any(1)


class OfEither(nn.Module):
    def reaches(self, keypoints2d, keypoints3d, has_smpl):
        return (keypoints2d > 0).any(1) | (keypoints3d > 0).any(1)


class OfCameras(nn.Module):
    """Needs no label."""


class OfAUser(nn.Module):
    """Takes ground truth, and does not say whom it reaches."""

    def forward(self, joints, keypoints3d):
        return (joints - keypoints3d[..., :3]).abs().mean()


class Learner(BaseModel):
    """Counts its steps."""

    def __init__(self, losses):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.losses = nn.ModuleDict(losses)
        self.steps = 0

    def forward(self, inputs, mode='tensor'):
        self.steps += 1
        return dict(loss=self.weight.square())


def take_path(results):
    return dict(inputs=torch.zeros(1))


@pytest.fixture
def make_set(tmp_path):
    """make_set(name, h36m=keys of keypoints, smpl=True or parameters, seen=labeled rows, **more)."""

    def make(name, h36m=(), smpl=False, seen=ROWS, **more):
        rng = np.random.default_rng(0)
        people = dict(
            image_path=[f'{i}.jpg' for i in range(ROWS)],
            bbox_xywh=np.ones((ROWS, 5)) + np.arange(ROWS)[:, None],
        )
        for key, dims in dict(keypoints2d=2, keypoints3d=3).items():
            if key in h36m:
                points = np.concatenate([rng.random((ROWS, 17, dims)), np.ones((ROWS, 17, 1))], 2)
                points[seen:, :, -1] = 0
                people |= {key: points, f'{key}_convention': 'h36m'}
        if smpl is True:
            params = dict(global_orient=(3,), body_pose=(23, 3), betas=(10,))
            people['smpl'] = {key: rng.random((ROWS, *shape)) for key, shape in params.items()}
        elif smpl:
            people['smpl'] = smpl
        HumanData({**people, **more}).dump(tmp_path / f'{name}.npz')
        return HumanImageDataset(f'{name}.npz', str(tmp_path), pipeline=[take_path], skip_bad=True)

    return make


LOSSES = dict(smpl=OfSMPL, keypoints3d=Of3D, keypoints2d=Of2D, camera=OfCameras)
BOTH = ('keypoints2d', 'keypoints3d')


@pytest.fixture
def train(tmp_path):
    """train(dataset, validation=None, **losses) -> the log and the number of steps."""
    count = 0

    def run(dataset, validation=None, **losses):
        nonlocal count
        count += 1
        model = Learner(losses or {name: loss() for name, loss in LOSSES.items()})
        runner = Runner(
            **validation or {},
            model=model,
            default_scope='mmroi',
            experiment_name=f'{tmp_path.name}_{count}',
            work_dir=str(tmp_path / f'run{count}'),
            train_dataloader=dict(
                dataset=dataset,
                batch_size=3,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=True),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=1, val_begin=2),  # validation is checked, not run
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            custom_hooks=[dict(type='LossCoverageHook')],
        )
        lines = []
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())
        runner.logger.addHandler(handler)
        try:
            runner.train()
        except ValueError:
            assert model.steps == 0
            raise
        finally:
            run.log = '\n'.join(lines)
        return run.log, model.steps

    return run


def cells(log, name):
    """Numbers of a set's line."""
    (line,) = (line for line in log.splitlines() if line.startswith(f'{name} '))
    return line.split()[1:]


def test_table_of_a_mixture(make_set, train):
    sets = [
        make_set('h36m', h36m=BOTH),
        make_set('mosh', h36m=BOTH, smpl=True, has_smpl=np.arange(ROWS) % 2),
        make_set('flat', h36m=('keypoints2d',), seen=4),
    ]
    log, steps = train(MixedDataset(sets))
    assert steps == 6
    header = next(line for line in log.splitlines() if line.startswith('set '))
    assert header.split('  ')[0] == 'set' and header.split()[-4:] == list(LOSSES)
    #                              people 2D  3D  SMPL smpl 3D  2D  camera
    assert cells(log, 'h36m') == ['6', '6', '6', '0', '0', '6', '6', 'all']
    assert cells(log, 'mosh') == ['6', '6', '6', '3', '3', '6', '6', 'all']
    assert cells(log, 'flat') == ['6', '4', '0', '0', '0', '0', '4', 'all']


def test_a_loss_that_does_not_say_whom_it_reaches(make_set, train):
    sets = [make_set('h36m', h36m=('keypoints3d',)), make_set('flat', h36m=('keypoints2d',))]
    log, steps = train(MixedDataset(sets), mine=OfAUser(), keypoints2d=Of2D(), camera=OfCameras())
    assert steps == 4
    assert 'all: it uses no labels; ?: not known, it has no method `reaches`' in log
    assert cells(log, 'h36m') == ['6', '0', '6', '0', '?', '0', 'all']
    assert cells(log, 'flat') == ['6', '6', '0', '0', '?', '6', 'all']
    with pytest.raises(ValueError, match=r"'keypoints2d' \(Of2D\), .* can use nobody"):
        train(make_set('h36m', h36m=('keypoints3d',)), mine=OfAUser(), keypoints2d=Of2D())


def test_bad_rows_do_not_count(make_set, train):
    boxes = np.ones((ROWS, 5)) + np.arange(ROWS)[:, None]
    boxes[1, 2] = 0
    log, _ = train(make_set('one', h36m=BOTH, smpl=True, bbox_xywh=boxes))
    assert cells(log, 'one')[:2] == ['5', '5']


def test_loss_that_reaches_nobody(make_set, train):
    """SMPL's own hips, which no file of Human3.6M's joints labels."""
    losses = dict(smpl=OfSMPL(), keypoints3d=Of3D(pelvis=(1, 2)), camera=OfCameras())
    sets = [make_set('h36m', h36m=BOTH, smpl=True), make_set('flat', smpl=True)]
    message = (
        r"the loss 'keypoints3d' \(Of3D\), which needs 3D keypoints, can use nobody of any dataset: "
        r'h36m \(.*h36m\.npz\) has 6 people, of whom 6 have 3D keypoints, but not the joints that the '
        r'loss uses; flat \(.*flat\.npz\) has 6 people, of whom 0 have 3D keypoints\nUse annotation files.*'
        r'`body_model`.*model\.losses\.<name>=None'
    )
    with pytest.raises(ValueError, match=message) as error:
        train(MixedDataset(sets), **losses)
    assert str(error.value).count('\n- ') == 1
    # The table is logged before the error.
    assert cells(train.log, 'h36m') == ['6', '6', '6', '6', '6', '0', 'all']


@pytest.mark.parametrize(
    ('smpl', 'metric', 'works'),
    [
        (False, dict(protocol='synthetic'), False),
        (True, dict(protocol='synthetic'), True),
        (False, dict(protocol='h36m_p2', gt='dataset'), True),
        (False, dict(protocol='h36m_p2', other_cameras='skip'), True),  # those of other cameras need none
    ],
)
def test_validation_on_people_without_ground_truth(make_set, train, smpl, metric, works):
    people = make_set('seen', h36m=['keypoints2d'], smpl=smpl)
    loader = dict(dataset=people, batch_size=3, num_workers=0, sampler=dict(type='DefaultSampler'))
    validation = dict(val_dataloader=loader, val_cfg=dict(), val_evaluator=dict(type='MeshMetric', **metric))
    train_set = make_set('train', h36m=['keypoints2d'])
    if works:
        assert train(train_set, validation, keypoints2d=Of2D())[1] == 2
        return
    message = (
        r"The validation needs SMPL parameters, from which protocol 'synthetic' takes its ground truth: "
        r'seen \(.*seen\.npz\) has 6 people, of whom 0 have SMPL parameters\. .*--no-validate'
    )
    with pytest.raises(ValueError, match=message):
        train(train_set, validation, keypoints2d=Of2D())


def test_set_that_feeds_no_loss(make_set, train):
    sets = [make_set('good', h36m=BOTH, smpl=True), make_set('empty')]
    message = (
        r'the dataset empty \(.*empty\.npz\) has 6 people, of whom 0 have 2D keypoints, 0 have 3D '
        r'keypoints, 0 have SMPL parameters; none of the losses that use labels can use them: smpl needs '
        r'SMPL parameters, keypoints3d needs 3D keypoints, keypoints2d needs 2D keypoints\nUse an'
        r'notation files.*or the dataset'
    )
    with pytest.raises(ValueError, match=message):
        train(MixedDataset(sets))


def test_set_whose_joints_have_no_weight(make_set, train):
    sets = [make_set('other', h36m=('keypoints2d',)), make_set('bodies', smpl=True)]
    with pytest.raises(
        ValueError,
        match=r"'keypoints2d'.*other .* 6 have 2D .*, but not the joints.*"
        r'\n- the dataset other \(.*6 have 2D keypoints.*but not the joints that the loss uses',
    ):
        train(MixedDataset(sets), smpl=OfSMPL(), keypoints2d=Of2D(joints=(1, 2)))


def test_loss_of_two_labels_names_both(make_set, train):
    with pytest.raises(
        ValueError,
        match=r"'volume' \(OfBoth\), which needs 2D keypoints and 3D keypoints, "
        r'can use nobody.*of whom 6 have 2D keypoints, 0 have 3D keypoints',
    ):
        train(make_set('flat', h36m=('keypoints2d',)), keypoints2d=Of2D(), volume=OfBoth())


def test_loss_of_one_of_two_labels_names_both(make_set, train):
    with pytest.raises(
        ValueError,
        match=r"'volume' \(OfEither\), which needs 2D keypoints or 3D keypoints, "
        r'can use nobody.*of whom 0 have 2D keypoints, 0 have 3D keypoints',
    ):
        train(make_set('bodies', smpl=True), smpl=OfSMPL(), volume=OfEither())


def test_losses_without_labels_need_none(make_set, train):
    log, steps = train(make_set('empty'), camera=OfCameras(), other=OfCameras())
    assert steps == 2 and cells(log, 'empty') == ['6', '0', '0', '0', 'all', 'all']


def test_derived_labels_count(make_set, train, tmp_path):
    """MMHuman3D's file of 3DPW, without keypoints, beside a translation; a body lets it feed the 2D loss."""
    rng = np.random.default_rng(0)
    bodies = dict(
        global_orient=np.zeros((ROWS, 3)),
        body_pose=np.zeros((ROWS, 23, 3)),
        betas=rng.normal(size=(ROWS, 10)),
        transl=np.tile((0, 0, 4.0), (ROWS, 1)),
    )
    camera = dict(in_mat=[[500.0, 0, 100], [0, 510.0, 100], [0, 0, 1]], H=200, W=200)
    boxes = np.tile((-20.0, -40, 240, 280, 1), (ROWS, 1))
    dataset = make_set('pw3d', smpl=bodies, cam_param=[camera] * ROWS, bbox_xywh=boxes)
    with pytest.raises(ValueError, match=r"the loss 'keypoints3d'.*\n- the loss 'keypoints2d'"):
        train(dataset)
    dataset = HumanImageDataset('pw3d.npz', str(tmp_path), pipeline=[take_path], body_model=dict(type='SMPL'))
    log, _ = train(dataset)
    assert cells(log, 'pw3d') == ['6'] * 7 + ['all']


class Numbers(Dataset):
    """A user's own data."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return dict(inputs=torch.zeros(1))


def test_foreign_sets_are_not_counted(make_set, train):
    log, steps = train(Numbers())
    assert steps == 1 and 'Numbers: not counted, Numbers has no label_confidences()' in log
    # It may have what the others lack.
    mixed = torch.utils.data.ConcatDataset([Numbers(), make_set('bodies', smpl=True)])
    log, _ = train(mixed)
    assert cells(log, 'bodies') == ['6', '0', '0', '6', '6', '0', '0', 'all'] and 'not counted' in log
    mixed = torch.utils.data.ConcatDataset([Numbers(), make_set('empty')])
    with pytest.raises(ValueError, match='the dataset empty') as error:
        train(mixed)
    assert '- the loss' not in str(error.value)


def test_wrappers_are_looked_into(make_set, train):
    log, _ = train(RepeatDataset(make_set('bodies', smpl=True), 2), smpl=OfSMPL())
    assert cells(log, 'bodies') == ['6', '0', '0', '6', '6']


def test_models_without_losses_are_left_alone(make_runner):
    runner = make_runner(custom_hooks=[LossCoverageHook()], max_epochs=1)
    runner.train()
    assert runner.iter == 3


def train_as_rank(rank, port, folder, dataset):
    torch.set_num_threads(1)
    os.chdir(folder)
    os.environ.update(MASTER_ADDR='localhost', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE='2')
    dist.init_process_group('gloo', rank=rank, world_size=2)
    looked = []
    dataset.label_confidences, count = (lambda: looked.append(rank) or count()), dataset.label_confidences

    class StandIn:
        logger = logging.getLogger('run')
        train_dataloader = torch.utils.data.DataLoader(dataset)
        model = nn.parallel.DistributedDataParallel(Learner(dict(smpl=OfSMPL(), keypoints2d=Of2D())))

    try:
        LossCoverageHook().before_train(StandIn())
    except ValueError as error:
        torch.save((str(error), looked), f'{rank}.pt')
    dist.destroy_process_group()


def test_every_process_stops(make_set, tmp_path):
    dataset = make_set('bodies', smpl=True)
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    mp.spawn(train_as_rank, (port, str(tmp_path), dataset), nprocs=2)
    (first, looked), (second, nothing) = (torch.load(tmp_path / f'{rank}.pt') for rank in range(2))
    assert first == second and "the loss 'keypoints2d' (Of2D)" in first
    assert looked == [0] and nothing == []  # the labels are read once
