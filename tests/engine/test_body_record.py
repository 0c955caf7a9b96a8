"""Bodies in checkpoints: written by a training, kept when published, compared when loaded."""

import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.engine import body_record as module
from mmroi.engine.body_record import OFFICIAL, body_record, warn_of_other_body
from mmroi.engine.hooks import BodyRecordHook
from mmroi.fileio import read_checkpoint

from ..conftest import SHIPPED_CLIFF, SHIPPED_MULTI_ROI


@pytest.fixture
def said(monkeypatch):
    """What is logged."""
    words = []
    monkeypatch.setattr(module, 'print_log', lambda text, *_: words.append(text))
    return words


@pytest.fixture(scope='module')
def bodies(write_smpl, tmp_path_factory):
    """The open body; its copy under SMPL's name, and one that is smaller, as other SMPL files would be."""
    folder = write_smpl(tmp_path_factory.mktemp('bodies') / 'smpl', ('NEUTRAL', 'MALE'))
    return SMPL(), SMPL(folder), SMPL(folder, gender='male')


def test_the_content_tells_bodies_apart(bodies):
    names, digests = zip(*(body_record(body).values() for body in bodies), strict=True)
    assert names == ('open', 'SMPL_NEUTRAL', 'SMPL_MALE')
    assert digests[0] == digests[1] != digests[2] and len(digests[0]) == 8
    assert body_record(torch.nn.Identity()) == body_record(None) == {}


def test_another_body_is_warned_of(bodies, said):
    own, copy, smaller = bodies
    for meta in (None, {}, dict(body_model=3), dict(body_model='{'), dict(body_model=body_record(copy))):
        warn_of_other_body(meta, own, 'a.pth')
    assert not said
    warn_of_other_body(dict(body_model=body_record(own)), smaller, 'a.pth')
    (words,) = said
    assert (
        words.startswith('a.pth was trained for the body open (') and 'the body here is SMPL_MALE (' in words
    )
    assert '--body-model open' in words
    warn_of_other_body(dict(body_model='{"name": "SMPL_NEUTRAL"}'), smaller, 'b.safetensors')
    warn_of_other_body(dict(body_model=OFFICIAL), smaller, 'c.pth')  # which of SMPL's files is not known
    assert len(said) == 1
    warn_of_other_body(dict(body_model=OFFICIAL), own, 'c.pth')
    assert 'SMPL_NEUTRAL (digest unknown)' in said[1]


def test_a_training_records_its_body_and_a_test_compares(make_runner, tmp_path, said):
    runner = make_runner(tmp_path / 'work', custom_hooks=[BodyRecordHook()], max_epochs=1)
    runner.model.body_model = SMPL()
    runner.train()
    path = next((tmp_path / 'work').glob('*.pth'))
    checkpoint = read_checkpoint(path)
    assert checkpoint['meta']['body_model'] == body_record(SMPL())
    runner.load_checkpoint(str(path))
    assert not said
    checkpoint['meta']['body_model'] = dict(name='SMPL_NEUTRAL', digest='00000000')
    torch.save(checkpoint, path)
    runner.load_checkpoint(str(path))
    assert 'SMPL_NEUTRAL (00000000)' in said[0]


@pytest.mark.parametrize('model', [SHIPPED_MULTI_ROI, SHIPPED_CLIFF])
def test_shipped_checkpoints_are_for_the_open_body(model):
    assert read_checkpoint(model.weights)['meta']['body_model'] == body_record(SMPL())
