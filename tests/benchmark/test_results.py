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
