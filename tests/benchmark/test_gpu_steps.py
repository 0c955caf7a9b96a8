import json
import runpy
import sys

import pytest

from mmroi.benchmark.gpu_steps import WEIGHTS, _read_losses, gpu_steps, quick_steps
from mmroi.utils.installation import find_file


def test_names():
    for steps in (gpu_steps(), quick_steps('cpu')):
        names = [step.name for step in steps]
        assert len(set(names)) == len(names)
    kinds = {name.partition('-')[0] for name in (step.name for step in gpu_steps())}
    assert {step.name for step in quick_steps('cpu')} <= kinds


@pytest.mark.parametrize('step', [*gpu_steps(), *quick_steps('cpu')], ids=lambda step: step.name)
def test_the_tools_take_the_arguments(step, tmp_path, monkeypatch):
    for command in step.commands:
        words = command.words(tmp_path)
        tool = str(find_file(f'tools/{command.tool}'))
        monkeypatch.setattr(sys, 'argv', words[words.index(tool) :])
        args = runpy.run_path(tool)['parse_args']()
        if 'config' in args:
            assert find_file(args.config).is_file()
        if getattr(args, 'weights', None):
            assert args.weights == WEIGHTS[args.config] and find_file(args.weights).is_file()
        assert '{out}' not in str(vars(args))


def write_log(folder, losses):
    log = folder / '20261128_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    lines = [dict(loss=loss, loss_smpl=loss / 2, step=step) for step, loss in enumerate(losses, 1)]
    log.write_text('\n'.join(map(json.dumps, lines)))


def test_losses_are_compared_at_every_iteration(tmp_path):
    write_log(tmp_path / 'plain', [4.0, 2.0, 1.0])
    write_log(tmp_path / 'launched', [4.0, 2.5, 1.0])
    loss, smpl = _read_losses(tmp_path)['rows']
    assert loss == dict(
        loss='loss', iterations=3, last=1.0, last_with_launcher=1.0, largest_relative_difference=0.25
    )
    assert smpl['loss'] == 'loss_smpl' and smpl['last'] == 0.5


def test_trainings_of_different_length(tmp_path):
    write_log(tmp_path / 'plain', [4.0, 2.0])
    write_log(tmp_path / 'launched', [4.0])
    with pytest.raises(ValueError, match='different iterations of loss'):
        _read_losses(tmp_path)
