"""What configs say of themselves: an ablation changes one thing, baselines differ in the method alone."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mmengine.fileio import load

from mmroi.engine.pipelines import load_config

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob('configs/[!_]*/*.py'))
FOLDERS = sorted({path.parent for path in CONFIGS}, key=str)
BASE = 'multi-roi_r50_1xb48-25e_coco-256x192'  # of the ablations
ABLATIONS = [path for path in CONFIGS if path.parent.name == 'ablation']
every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')

# What a run is made of; other names of a config are there to be used in these.
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EFFECTIVE = (
    *LOADERS,
    'model',
    'val_evaluator',
    'test_evaluator',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'auto_scale_lr',
    'load_from',
    'default_hooks',
    'custom_hooks',
    'randomness',
)


@cache
def read(name: str | Path) -> dict:
    """Read a config once; nobody may change it."""
    path = Path(name) if Path(name).is_absolute() else ROOT / 'configs' / f'{name}.py'
    return load_config(path).to_dict()


def differences(a: Any, b: Any, at: str = '') -> set[str]:
    """Places where two configs differ; a part of another type is one difference, a transform has its name."""
    if isinstance(a, dict) and isinstance(b, dict) and a.get('type') == b.get('type'):
        keys = [key for key in a | b if at or key in EFFECTIVE]
        return set().union(*(differences(a.get(k), b.get(k), f'{at}.{k}' if at else k) for k in keys))
    if isinstance(a, list) and isinstance(b, list) and [_name(x) for x in a] == [_name(x) for x in b]:
        return set().union(*(differences(x, y, f'{at}.{_name(x)}') for x, y in zip(a, b, strict=True)))
    return set() if a == b else {at}


def _name(item: Any) -> str:
    return item['type'] if isinstance(item, dict) else repr(item)


def crops(setting: str) -> set[str]:
    return {f'{loader}.dataset.pipeline.MultiRoICrop.{setting}' for loader in LOADERS}


def row_of(name: str) -> str:
    """What an ablation's name says beside the name of the base."""
    return name.removeprefix(f'{BASE}_')


def expected_differences(name: str) -> set[str]:
    """What an ablation's name promises to change."""
    table, _, row = row_of(name).partition('_')
    if table == 'table2':
        off = {'raf', 'cam', 'cont'} - set(row.split('_'))
        places = dict(raf='model.fusion', cam='model.losses.camera', cont='model.losses.contrastive')
        return {places[part] for part in off}
    if number := re.fullmatch(r'm\d', row):
        return {'model.num_rois'} | crops('num_rois') if number else set()
    return {
        'multi-roi_r50_1xb48-25e_coco-256x192_table3_none': {'model.fusion.relation'},
        'multi-roi_r50_1xb48-25e_coco-256x192_table3_absolute_l32': {'model.fusion.relation'},
        'multi-roi_r50_1xb48-25e_coco-256x192_table3_relative_l0': {'model.fusion.num_freqs'},
        'multi-roi_r50_1xb48-25e_coco-256x192_table3_relative_l64': {'model.fusion.num_freqs'},
        'multi-roi_r50_1xb48-25e_coco-256x192_rois_random': crops('random'),
        'multi-roi_r50_1xb48-25e_coco-256x192_figure8_self-attention': {'model.fusion'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-frame_own': {'model.head.camera_frame'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-loss_as-printed': {
            'model.losses.camera.scale',
            'model.losses.camera.weight_s',
        },
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-loss_pixels-1e-8': {
            'model.losses.camera.scale',
            'model.losses.camera.weight_s',
        },
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-frame_own_as-printed': {
            'model.losses.camera.scale',
            'model.losses.camera.weight_s',
            'model.head.camera_frame',
        },
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-boxes_all': {'model.head.camera_boxes'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-boxes_none': {'model.head.camera_boxes'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_mesh-boxes_base': {'model.head.mesh_boxes'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_mesh-boxes_none': {'model.head.mesh_boxes'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_mesh_per-roi': {'model.head'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_encoding_float32': {'model.fusion.encoding'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_scale_as-regressed': {'model.head.positive_scale'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_fusion_as-printed': {'model.fusion'},
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_shared-map': {'model.encoder'} | crops('context_size'),
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_shared-map_stage-3': {'model.encoder'}
        | crops('context_size'),
        'multi-roi_r50_1xb48-25e_coco-256x192_ours_shared-map_small-context': {'model.encoder'}
        | crops('context_size'),
        'multi-roi_r50_1xb48-25e_coco-256x192_losses_cam-0.1': {'model.losses.camera.loss_weight'},
        'multi-roi_r50_1xb48-25e_coco-256x192_losses_cam-10': {'model.losses.camera.loss_weight'},
        'multi-roi_r50_1xb48-25e_coco-256x192_losses_cont-1': {'model.losses.contrastive.loss_weight'},
        BASE: set(),
    }[name]


@pytest.mark.parametrize('path', ABLATIONS, ids=lambda path: path.stem)
def test_an_ablation_changes_what_its_name_says_and_nothing_else(path):
    cfg = read(path)
    assert differences(read(f'ablation/{BASE}'), cfg) == expected_differences(path.stem)
    fusion, head = cfg['model']['fusion'], cfg['model']['head']
    if match := re.search(r'_m(\d)$', path.stem):
        assert cfg['model']['num_rois'] == int(match[1])
    if match := re.search(r'_l(\d+)$', path.stem):
        assert fusion['num_freqs'] == int(match[1])
    if match := re.fullmatch(r'ours_(camera|mesh)-boxes_(\w+)', row_of(path.stem)):
        assert head[f'{match[1]}_boxes'] == match[2]


@pytest.mark.parametrize(
    'name, part, changes',
    [
        ('multi-roi_r50_1xb48-25e_coco-256x192_ours_mesh_per-roi', 'head', dict(type='PerRoIMeshHead')),
        (
            'multi-roi_r50_1xb48-25e_coco-256x192_ours_fusion_as-printed',
            'fusion',
            dict(type='LinearRoIAwareFusion', relation='difference_of'),
        ),
    ],
)
def test_a_part_of_another_type_keeps_its_other_settings(name, part, changes):
    base = read(f'ablation/{BASE}')['model'][part]
    assert read(f'ablation/{name}')['model'][part] == base | changes


def test_the_tables_are_complete():
    rows = {row_of(path.stem) for path in ABLATIONS}
    # The full method, the base, is the eighth row of Table 2, the fifth of Table 3 and M = 5.
    subsets = ('none', 'raf', 'cam', 'cont', 'raf_cam', 'raf_cont', 'cam_cont')
    assert {row for row in rows if row.startswith('table2')} == {f'table2_{subset}' for subset in subsets}
    assert len([row for row in rows if row.startswith('table3')]) == 4
    assert {row for row in rows if re.search(r'_m\d$', row)} == {
        *(f'table4_m{m}' for m in (1, 2, 3, 4)),
        *(f'rois_m{m}' for m in (6, 7, 8, 9)),
    }


@every_config
def test_loader_fusion_and_head_agree_on_the_number_of_rois(path):
    cfg = read(path)
    crop = {loader: cfg[loader]['dataset']['pipeline'][-2] for loader in LOADERS}
    assert {step['type'] for step in crop.values()} == {'MultiRoICrop'}
    wanted = {step['num_rois'] for step in crop.values()}
    wanted.add(cfg['model']['num_rois'])
    assert len(wanted) == 1
    assert not any('num_rois' in (cfg['model'].get(part) or {}) for part in ('fusion', 'head'))


@every_config
def test_the_rate_is_for_the_batch_size_of_the_loader(path):
    cfg = read(path)
    assert cfg['auto_scale_lr']['base_batch_size'] == cfg['train_dataloader']['batch_size']


@pytest.mark.parametrize(
    ('ours', 'cliff', 'hmr'),
    [
        (
            'multi-roi_r50_1xb48-25e_mixture-256x192',
            'cliff_r50_1xb48-25e_mixture-256x192',
            'hmr_r50_1xb48-25e_mixture-256x192',
        ),
        (
            'multi-roi_r50_finetune-1xb48-5e_pw3d-256x192',
            'cliff_r50_finetune-1xb48-5e_pw3d-256x192',
            'hmr_r50_finetune-1xb48-5e_pw3d-256x192',
        ),
        ('multi-roi_hr48_1xb20-15e_mixture-256x192', 'cliff_hr48_1xb20-15e_mixture-256x192', None),
        ('multi-roi_hr48_finetune-1xb20-5e_pw3d-256x192', 'cliff_hr48_finetune-1xb20-5e_pw3d-256x192', None),
    ],
)
def test_baselines_differ_in_the_method_alone(ours, cliff, hmr):
    ours, cliff = read(f'multi_roi/{ours}'), read(f'cliff/{cliff}')
    parts = ('num_rois', 'fusion', 'head', 'projector', 'losses.camera', 'losses.contrastive')
    assert differences(ours, cliff) - {'load_from'} == {f'model.{part}' for part in parts} | crops('num_rois')
    if hmr:
        parts = ('head.boxes', 'losses.keypoints2d.frame')
        assert differences(cliff, read(f'hmr/{hmr}')) - {'load_from'} == {f'model.{part}' for part in parts}


@pytest.mark.parametrize(
    ('name', 'rate', 'batch', 'epochs'),
    [
        ('multi-roi_r50_1xb48-25e_mixture-256x192', 1e-4, 48, 25),
        ('multi-roi_hr48_1xb20-15e_mixture-256x192', 5e-5, 20, 15),
        ('multi-roi_r50_finetune-1xb48-5e_pw3d-256x192', 1e-5, 48, 5),
        ('multi-roi_hr48_finetune-1xb20-5e_pw3d-256x192', 1e-5, 20, 5),
    ],
)
def test_the_schedule_is_the_papers(name, rate, batch, epochs):
    cfg = read(f'multi_roi/{name}')
    assert cfg['optim_wrapper'] == dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=rate))
    assert cfg['train_dataloader']['batch_size'] == batch and cfg['train_cfg']['max_epochs'] == epochs


def test_a_control_of_the_encoder_changes_nothing_else():
    base, control = (
        read('cliff/cliff_movenet_1xb64-30e_synthetic-256x192'),
        read('cliff/cliff_efficientnet-lite0_1xb64-30e_synthetic-256x192'),
    )
    places = {'encoder.backbone', 'data_preprocessor.mean', 'data_preprocessor.std'}
    assert differences(base, control) == {f'model.{place}' for place in places}


FINE_TUNINGS = [path for path in CONFIGS if 'finetune' in path.stem]


@pytest.mark.parametrize('path', FINE_TUNINGS, ids=lambda path: path.stem)
def test_fine_tuning_starts_from_the_end_of_the_mixture(path):
    cfg = read(path)
    match = re.fullmatch(r'work_dirs/(\S+_mixture\S*)/epoch_(\d+)\.pth', cfg['load_from'])
    before = read(path.with_name(f'{match[1]}.py'))
    assert before['train_cfg']['max_epochs'] == int(match[2])
    assert differences(before['model'], cfg['model'], 'model') == {'model.encoder.backbone.init_cfg'}


def test_every_address_of_weights_is_documented():
    text = (ROOT / 'docs/pretrained.md').read_text()
    files = set()
    for path in CONFIGS:
        encoder = read(path)['model']['encoder']
        init = encoder['backbone'].get('init_cfg') or {}
        # Fine-tuning and converted checkpoints bring weights; synthetic images are learned from scratch,
        # unless the encoder is frozen.
        real = '_mixture' in path.stem or path.parent.name == 'ablation'
        assert bool(init) == (real or encoder.get('frozen_stages') == 4)
        files |= {init['checkpoint'].rpartition('/')[2]} if init else set()
    assert len(files) == 4 and all(file in text for file in files)


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda path: path.name)
def test_every_config_is_listed(folder):
    here = {path.stem for path in folder.glob('*.py')}
    readme = (folder / 'README.md').read_text()
    assert not {name for name in here if f'`{name}`' not in readme}
    models = load(folder / 'metafile.yml')['Models']
    assert {model['Name'] for model in models} == here
    for model in models:
        assert model['Config'] == f'configs/{folder.name}/{model["Name"]}.py'
        cfg, about = read(folder / f'{model["Name"]}.py'), model['Metadata']
        assert about['Batch Size'] == cfg['train_dataloader']['batch_size']
        assert about['Epochs'] == cfg['train_cfg']['max_epochs'] and about['Training Data']
        assert 'Weights' not in model or (ROOT / model['Weights']).is_file()
        # A result belongs to weights that can be had; what others published stands in the README.
        assert ('Results' in model) == ('Weights' in model)


def test_names_of_configs_are_unique():
    names = [path.name for path in (ROOT / 'configs').glob('[!_]*/*.py')]
    assert len(names) > 10 and len(set(names)) == len(names)  # mim finds a config by its name alone


def test_the_index_has_all_metafiles():
    files = load(ROOT / 'model-index.yml')['Import']
    assert {ROOT / file for file in files} == {*ROOT.glob('configs/*/metafile.yml')}
    assert len(files) == len(FOLDERS)
    collections = {c['Name'] for file in files for c in load(ROOT / file).get('Collections', ())}
    models = [model for file in files for model in load(ROOT / file)['Models']]
    assert len({model['Name'] for model in models}) == len(models)
    assert {model['In Collection'] for model in models} == collections
