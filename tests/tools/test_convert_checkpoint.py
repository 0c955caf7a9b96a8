"""The converter as a user runs it."""

from pathlib import Path

import pytest
import torch

from mmroi.apis import PUBLISHED, build_model, init_model
from mmroi.apis.published import START

ROOT = Path(__file__).resolve().parents[2]


TOOL = 'model_converters/convert_checkpoint.py'


@pytest.fixture
def spin(tmp_path):
    """A file with SPIN's names and random weights; the large files go at once."""
    network = PUBLISHED['spin']
    own = build_model(ROOT / network.config, body_model='open').state_dict()
    state = {network.their_names(name)[0]: value for name, value in own.items() if name != START}
    state |= {name: torch.randn(1, size) for name, size in zip(network.start, (144, 10, 3), strict=True)}
    path = tmp_path / 'model_checkpoint.pt'
    content = dict(model=state, optimizer=dict(state={}), epoch=1)
    torch.save(content, path, _use_new_zipfile_serialization=False)
    yield path, state
    for file in tmp_path.iterdir():
        file.unlink()


def test_converts_and_says_how_to_continue(spin, tmp_path, run_tool):
    source, state = spin
    done = run_tool(TOOL, source, tmp_path / 'new.pth')
    report = ' '.join(done.stdout.split())
    assert 'found spin: SPIN' in report and f'converted {len(state)} tensors' in report
    assert (
        f'mmroi test configs/hmr/hmr_r50_published-1xb48-5e_pw3d-224x224.py {tmp_path / "new.pth"}' in report
    )
    config = ROOT / 'configs/hmr/hmr_r50_published-1xb48-5e_pw3d-224x224.py'
    weights = init_model(config, tmp_path / 'new.pth', body_model='open').state_dict()
    assert torch.equal(weights['head.regressor.fc1.weight'], state['fc1.weight'])
    assert torch.equal(weights[START][-3:], state['init_cam'][0])


def test_errors_are_one_sentence(tmp_path, run_tool):
    torch.save(dict(model={'blocks.0.weight': torch.zeros(1)}), tmp_path / 'vit.pt')
    for arguments, message in (
        ((tmp_path / 'vit.pt', tmp_path / 'new.pth'), 'vit.pt: its tensors (1: blocks.0.weight'),
        ((tmp_path / 'none.pt', tmp_path / 'new.pth'), 'none.pt does not exist'),
    ):
        done = run_tool(TOOL, *arguments, check=False)
        assert done.returncode == 1 and message in done.stderr
        assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ['vit.pt']


def test_help_names_the_kinds(run_tool):
    done = run_tool(TOOL, '--help')
    assert all(kind in done.stdout for kind in PUBLISHED)
