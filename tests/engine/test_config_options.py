import argparse

import pytest
from mmengine.config import Config

from mmroi.cli.config_options import ConfigOptions, parse_value
from mmroi.engine.config_options import check_options
from mmroi.engine.pipelines import load_config


@pytest.mark.parametrize(
    'text, value',
    [
        ('32', 32),
        ('1e-4', 1e-4),
        ('-inf', float('-inf')),
        ('true', True),
        ('False', False),
        ('None', None),
        ('/x/my data/', '/x/my data/'),
        ('/x/a,b/', '/x/a,b/'),
        ('a, b', 'a, b'),
        ("'128'", '128'),
        ('C:\\data\\new', 'C:\\data\\new'),
        ('128,96', [128, 96]),
        ('true,false', [True, False]),
        ('(128, 96)', (128, 96)),
        ('[(1, 2), (3, 4)]', [(1, 2), (3, 4)]),
        ('(1,2),(3,4)', [(1, 2), (3, 4)]),
        ('[train images, val]', ['train images', 'val']),
        ('[(a, 1), [b, None]]', [('a', 1), ['b', None]]),
        ('[]', []),
        ("dict(type='A', size=(1, 2), on=True)", dict(type='A', size=(1, 2), on=True)),
        (
            "[dict(type='A'), {'type': 'B', 'betas': [0.9, -0.1]}]",
            [dict(type='A'), dict(type='B', betas=[0.9, -0.1])],
        ),
        ('mmroi::multi_roi/x.py', 'mmroi::multi_roi/x.py'),
        ('__import__("os").getcwd()', '__import__("os").getcwd()'),  # nothing is called
        ('dict(1)', 'dict(1)'),
        ('[unbalanced', '[unbalanced'),
        ('', ''),
    ],
)
def test_values(text, value):
    found = parse_value(text)
    assert found == value and type(found) is type(value)


def test_the_command_line(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, default={})
    args = parser.parse_args(['--cfg-options', 'a.b=1', 'c=x=y', '--cfg-options', 'd=/my data/'])
    assert args.cfg_options == {'a.b': 1, 'c': 'x=y', 'd': '/my data/'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'data_root=/my', 'data/'])
    assert "expected KEY=VALUE, not 'data/'; put quotes around a value with spaces" in capsys.readouterr().err


@pytest.mark.parametrize(
    'key, message',
    [
        ('test_evalutor.protocol', "nothing reads 'test_evalutor' of .*; did you mean 'test_evaluator'"),
        ('max_epoch', "nothing reads 'max_epoch' of .*; did you mean 'max_epochs'"),
        ('xyz', "nothing reads 'xyz' of .*; define it in the config if it is your own"),
        ('train_dataloader.datset.ann_file', "there is no 'datset'; did you mean 'dataset'"),
        ('hooks.0.optoins.rate', "there is no 'optoins'; did you mean 'options'"),
        ('randomness.sed', "there is no 'sed'; did you mean 'seed'"),
        (
            'env_cfg.cudnn_benchmrk',
            "nothing reads 'cudnn_benchmrk' of .*; env_cfg has cudnn_benchmark, dist_cfg",
        ),
        ('auto_scale_lr.enabled', 'auto_scale_lr has base_batch_size, enable'),
    ],
)
def test_keys_that_nothing_reads(key, message):
    parts = dict(hooks=[dict(options=dict(rate=1))], randomness=dict(seed=0))
    cfg = Config(dict(train_dataloader=dict(dataset=dict(ann_file='a')), **parts))
    with pytest.raises(ValueError, match=message):
        check_options(cfg, {key: 1})


def test_keys_that_something_reads():
    cfg = Config(
        dict(
            mine=1,
            model=dict(encoder=dict(), losses=dict(camera=None)),
            val=[dict(a=1)],
            optim_wrapper=dict(),
        )
    )
    keys = (
        'mine',
        'model.encoder.with_cp',
        'model.head.size',
        'val.0.a',
        'optim_wrapper.clip_grad.max_norm',
        'test_evaluator.protocol',
        'num_rois',
        'compile',
        'env_cfg.cudnn_benchmark',
        'env_cfg.mp_cfg.opencv_num_threads',
        'auto_scale_lr.enable',
        'randomness.deterministic',
        'load_from',
        'resume',
        'train_dataloader.num_workers',
        'optim_wrapper.accumulative_counts',
        'visualizer.vis_backends',
    )
    check_options(cfg, dict.fromkeys(keys, 1))
    check_options(cfg, {'model.losses.camera2': dict(type='CameraConsistencyLoss')})  # beside camera


@pytest.mark.parametrize('stage', ['train', 'val', 'test'])
def test_no_workers_are_enough(small_cliff, stage):
    cfg = load_config(small_cliff, {f'{stage}_dataloader.num_workers': 0})
    assert cfg[f'{stage}_dataloader'].persistent_workers is False
    assert load_config(small_cliff).val_dataloader.persistent_workers is True
