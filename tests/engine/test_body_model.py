import pytest
from mmengine.config import Config

from mmroi.engine import body_model
from mmroi.engine.body_model import check_body_model, needed_body_files, use_body_model, warn_of_open_body

SMPL = dict(type='SMPL', model_path='smpl')


def config(**changes):
    parts = [dict(ann_file='a.npz', dataset_name='coco', body_model=SMPL), dict(ann_file='mine.npz')]
    mixture = dict(type='MixedDataset', datasets=parts)
    keys = dict(
        model=dict(type='MeshEstimator', body_model=SMPL),
        train_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=mixture)),
        val_evaluator=[
            dict(type='mmroi.MeshMetric', protocol='3dpw', body_model=SMPL),
            dict(type='MeshMetric', protocol='h36m_p1'),
            dict(type='DumpMeshResults'),
        ],
    )
    return Config({**keys, **changes})


def test_network_metrics_and_nested_data_sets_get_the_same_body():
    cfg = config()
    use_body_model(cfg, 'open')
    opened = dict(type='SMPL', model_path='open')
    coco, mine = cfg.train_dataloader.dataset.dataset.datasets
    assert cfg.model.body_model == coco.body_model == opened
    assert [metric.get('body_model') for metric in cfg.val_evaluator] == [opened, opened, None]
    assert 'body_model' not in mine  # nothing is derived of its labels


def test_files_of_a_run(write_smpl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    genders = {'smpl/SMPL_MALE.pkl', 'smpl/SMPL_FEMALE.pkl'}
    names = {'smpl/SMPL_NEUTRAL.pkl', *genders, 'smpl/J_regressor_h36m.npy', 'smpl/J_regressor_extra.npy'}
    cfg = config()
    files = needed_body_files(cfg, 'train', 'val')
    assert {str(path) for path in files if not path.is_file()} == names
    with pytest.raises(FileNotFoundError, match='no body model at smpl/SMPL_NEUTRAL.pkl'):
        check_body_model(cfg, 'train', 'val')
    write_smpl(tmp_path / 'smpl', ['NEUTRAL'])
    check_body_model(cfg, 'train')
    assert {str(path) for path in needed_body_files(cfg, 'val') if not path.is_file()} == genders
    with pytest.raises(FileNotFoundError, match='no body model at smpl/SMPL_MALE.pkl'):
        check_body_model(cfg, 'train', 'val')
    use_body_model(cfg, 'smpl/SMPL_NEUTRAL.pkl')  # one body for all
    check_body_model(cfg, 'train', 'val')
    cfg.val_evaluator = None  # --no-validate
    check_body_model(cfg, 'train', 'val')
    for name in names - genders:
        (tmp_path / name).unlink()
    use_body_model(cfg, 'open')
    check_body_model(cfg, 'train', 'val')


def test_data_sets_beside_the_open_body_are_named(monkeypatch):
    said = []
    monkeypatch.setattr(body_model, 'print_log', lambda message, **options: said.append(message))
    cfg = config()
    warn_of_open_body(cfg)
    warn_of_open_body(
        config(
            train_dataloader=dict(dataset=dict(ann_file='a.npz', dataset_name='synthetic')),
            model=dict(body_model=dict(type='SMPL')),
        )
    )
    assert said == []
    use_body_model(cfg, 'open')
    warn_of_open_body(cfg)
    (warning,) = said
    assert 'trained on coco, mine: parameters of SMPL' in warning
