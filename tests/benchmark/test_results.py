"""Numbers read from the files of a run."""

import json

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.benchmark import results, runs, suites


def test_the_final_2d_loss_is_without_its_weight(tmp_path):
    run = runs.Run(suites.Row('a', 'first', 'a.py'), 0, tmp_path)
    for stage, losses in (('train', [9.0, 9.0]), ('finetune', [0.5, 0.02, 0.04])):
        log = tmp_path / stage / '20260101_100000' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(
            '\n'.join(
                json.dumps(dict(loss=1.0, loss_keypoints2d=loss, step=i, epoch=1 + (i > 0)))
                for i, loss in enumerate(losses)
            )
        )
    losses = dict(keypoints2d=dict(type='Keypoint2DLoss', loss_weight=5.0))
    init_default_scope('mmroi')
    assert results.final_loss_2d(run, Config(dict(model=dict(losses=losses)))) == pytest.approx(0.03 / 5)
    assert results.final_loss_2d(run, Config(dict(model=dict(losses=dict(keypoints2d=None))))) is None


def test_a_row_that_cannot_be_evaluated_is_a_failure_of_its_own(tmp_path, monkeypatch):
    rows = [suites.Row(name, name, f'{name}.py') for name in 'abc']
    planned = [runs.Run(row, 0, tmp_path / row.name) for row in rows]

    def measure(run):
        if run.row.name == 'b':
            raise KeyError('keypoints3d')
        return results.Measured(run, dict(MPJPE=9.0), {}, {}, 1, {})

    monkeypatch.setattr(results, 'measure', measure)
    monkeypatch.setattr(runs.Run, 'is_done', property(lambda run: run.row.name != 'c'))
    found = results.summarize(planned, rows, {})
    assert [(len(s.measured), len(s.failures), s.missing) for s in found] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert found[1].failures == (f'{tmp_path / "b"} cannot be evaluated: keypoints3d',)
