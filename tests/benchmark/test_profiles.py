"""Profiles keep what a row changes, and change the rest alike."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.benchmark import profiles, project_files, runs, suites
from mmroi.datasets import MultiRoICrop, RandomBoxShift
from mmroi.engine.pipelines import find_steps, load_config, read_crops
from mmroi.fileio import locate
from mmroi.registry import MODELS, TRANSFORMS

ROOT = Path(__file__).parents[2]


ABLATIONS = sorted(path.stem for path in (ROOT / 'configs' / 'ablation').glob('*.py'))


IN_PROFILE = {'in_channels', 'hidden_channels', 'dropout'}  # what a profile decides of a part


@pytest.fixture(scope='module')
def base():
    return load_config(ROOT / 'configs' / 'ablation' / 'multi-roi_r50_1xb48-25e_coco-256x192.py')


def without(part, keys=IN_PROFILE):
    return {key: value for key, value in (part or {}).items() if key not in keys}


def crops(config):
    return [replace(read_crops(config[loader]), crop_size=(0, 0)) for loader in profiles.LOADERS]


def how_rois_are_seen(config):
    return {key: config.model.encoder.get(key) for key in profiles.KEPT_OF_ENCODER}


@pytest.mark.parametrize('name', ABLATIONS)
def test_a_profile_keeps_what_a_row_changes_and_changes_the_rest_alike(name, quick, base):
    row = load_config(ROOT / 'configs' / 'ablation' / f'{name}.py')
    small, small_base = (profiles.make_config(config, quick, seed=3) for config in (row, base))
    for part in ('fusion', 'head', 'projector'):
        assert without(small.model[part]) == without(row.model[part])
        assert (small.model[part] is None) == (row.model[part] is None)
        assert 'in_channels' not in (small.model[part] or {})  # the estimator measures it
    for loss in ('camera', 'contrastive'):
        assert small.model.losses[loss] == row.model.losses[loss]
    assert crops(small) == crops(row)
    assert small.model.losses.keypoints2d.loss_weight == row.model.losses.keypoints2d.loss_weight
    # SMPL belongs to the real images.
    assert row.model.body_model.model_path and small.model.body_model == dict(type='SMPL')
    # Nothing else differs between two rows.
    for config in (small, small_base):
        for part in ('fusion', 'head'):
            config.model[part] = (
                {key: config.model[part].get(key) for key in IN_PROFILE} if row.model[part] else None
            )
        for loss in ('camera', 'contrastive'):
            del config.model.losses[loss]
        config.model.pop('num_rois', None)
        assert config is small_base or how_rois_are_seen(small) == how_rois_are_seen(row)
        for key in profiles.KEPT_OF_ENCODER:
            config.model.encoder.pop(key, None)
        for loader in profiles.LOADERS:
            for key in ('num_rois', 'random', 'context_size'):
                find_steps(config[loader], MultiRoICrop)[0].pop(key, None)
    assert small.to_dict() == small_base.to_dict()


def test_single_rois_keep_the_weight_of_their_2d_loss_and_crop_level_projection(quick):
    small = profiles.make_config(
        load_config(ROOT / 'configs/hmr/hmr_r50_1xb48-25e_mixture-256x192.py'), quick, seed=0
    )
    assert small.model.losses.keypoints2d == dict(
        type='Keypoint2DLoss', loss_weight=5.0, frame='crop', joints=None, num_joints=None
    )
    assert small.model.head == dict(type='CLIFFHead', boxes='none', hidden_channels=(512, 512), dropout=0.0)
    assert 'fusion' not in small.model and 'projector' not in small.model
    assert small.train_dataloader.dataset.data_root == quick.synthetic.out


@pytest.mark.parametrize('name', project_files.names_in(profiles.PROFILES))
def test_rows_are_trained_on_the_images_that_a_profile_makes(name, base):
    profile = profiles.load_profile(name)
    made = profiles.make_config(base, profile, seed=0)
    for loader in profiles.LOADERS:
        files = [*profiles.annotation_files(made[loader].dataset)]
        own = [base[loader].dataset.data_root]
        roots = [one.out for one in profiles.synthetic_sets(profile)] or own
        assert len(files) == len(roots)
        assert all(file.is_relative_to(root) for file, root in zip(files, roots, strict=True))
    if 'settings' in profile:
        [cycle] = made.param_scheduler
        assert cycle.total_steps == made.train_cfg.max_epochs


def test_a_misspelled_key_of_a_profile_is_refused(tmp_path):
    path = tmp_path / 'mine.yml'
    path.write_text('{title: x, seeds: [0], overides: {}}')
    with pytest.raises(ValueError, match='mine.yml: unknown overides; there are amp, max_epochs, overrides'):
        profiles.load_profile(str(path))


def test_wide_boxes_differ_in_how_far_training_boxes_are_shifted(base):
    cpu, wide = (
        profiles.make_config(base, profiles.load_profile(name), seed=0) for name in ('cpu', 'cpu-wide-boxes')
    )
    [shift], [wide_shift] = (find_steps(config.train_dataloader, RandomBoxShift) for config in (cpu, wide))
    assert (shift.pop('factor'), wide_shift.pop('factor')) == (0.06, 0.2)
    assert wide.to_dict() == cpu.to_dict()


def test_overrides_of_parts_that_a_row_does_not_have_are_left_out():
    row = load_config(ROOT / 'configs/cliff/cliff_r50_1xb48-25e_mixture-256x192.py')
    overrides = {'model.fusion.num_freqs': 3, 'model.losses.smpl.betas_weight': 0.5, 'model.new': {'a': 1}}
    made = profiles.make_config(row, Config(dict(overrides=overrides)), seed=0)
    assert not made.model.get('fusion') and made.model.losses.smpl.betas_weight == 0.5
    assert made.model.new == dict(a=1)


def test_overrides_of_a_row_follow_those_of_the_profile_and_move_its_schedule(base):
    profile = profiles.load_profile('cpu')
    own = {'param_scheduler.0.eta_max': 3e-4, 'train_cfg.val_interval': 4, 'max_epochs': 16}
    plain, tuned = (profiles.make_config(base, profile, 0, own_overrides=one) for one in ({}, own))
    assert (plain.train_cfg.max_epochs, tuned.train_cfg.max_epochs) == (8, 16)
    assert (plain.param_scheduler[0].total_steps, tuned.param_scheduler[0].total_steps) == (8, 16)
    assert (plain.param_scheduler[0].eta_max, tuned.param_scheduler[0].eta_max) == (1e-3, 3e-4)
    assert (plain.train_cfg.val_interval, tuned.train_cfg.val_interval) == (2, 4)
    changed = {key for key in plain if plain[key] != tuned[key]}
    assert changed == {'param_scheduler', 'train_cfg'}
    assert 'max_epochs' in profile  # which reads the profile only
    with pytest.raises(ValueError, match=r'no part for the overrides param_scheduler\.1\.eta_max, a\.b of'):
        profiles.make_config(base, profile, 0, own_overrides={'param_scheduler.1.eta_max': 1, 'a.b': 2})


def test_rows_read_features_of_one_frozen_encoder(base, quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = profiles.make_config(base, quick, seed=0)
    init = made.model.encoder.backbone.init_cfg
    assert init.type == 'Pretrained' and locate(init.checkpoint).is_file()
    assert made.model.encoder.frozen_stages == 4 and made.feature_cache.num_rois == 5
    other_head = load_config(
        ROOT / 'configs/hmr/hmr_r50_mmhuman3d-1xb48-25e_mixture-224x224.py', import_custom_modules=False
    )
    made = profiles.make_config(other_head, quick, seed=0)
    assert made.model.encoder.backbone.init_cfg == init and made.feature_cache.num_rois == 5
    made = profiles.make_config(other_head, quick, seed=0, own_overrides={'feature_cache': None})
    assert made.feature_cache is None


def test_a_network_of_one_roi_is_tested_on_five_with_the_same_mesh(quick):
    row = load_config(ROOT / 'configs/cliff/cliff_r50_1xb48-25e_mixture-256x192.py')
    trained = profiles.make_config(row, quick, seed=0)
    tested = profiles.for_testing(trained)
    assert [crop.num_rois for crop in crops(tested)] == [1, 5, 5]
    for config in (trained, tested):
        config.model.encoder.backbone.init_cfg = None
    init_default_scope('mmroi')
    one, five = (MODELS.build(config.model).eval() for config in (trained, tested))
    five.load_state_dict(one.state_dict())
    inputs = torch.randn(2, 5, 3, 64, 64)
    boxes = torch.tensor([[10.0, -20.0, 150.0]], dtype=torch.float64).expand(2, 5, 3)
    focal_length = torch.full((2,), 500.0, dtype=torch.float64)
    with torch.no_grad():
        alone = one.regress(inputs[:, :1], boxes[:, :1], focal_length)
        together = five.regress(inputs, boxes, focal_length)
    for key in ('pose6d', 'betas', 'cameras'):
        mine = alone[key] if key == 'cameras' else alone[key][:, None]
        torch.testing.assert_close(together[key][:, :1], mine, rtol=1e-4, atol=1e-5)


def test_another_encoder_changes_nothing_but_the_encoder(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = {
        name: profiles.make_config(base, profiles.load_profile(name), seed=0)
        for name in ('cpu', 'cpu-multipose')
    }
    backbones = {name: config.model.encoder.pop('backbone') for name, config in made.items()}
    assert made['cpu'].to_dict() == made['cpu-multipose'].to_dict()
    thunder, multipose = backbones.values()
    assert thunder != multipose and thunder.type == multipose.type == 'MoveNetBackbone'
    init_default_scope('mmroi')
    network = MODELS.build(multipose)
    network.init_weights()  # the shipped file has the hash and all weights of the network
    assert network.variant == 'multipose'


def test_a_row_with_its_own_crops_keeps_boxes_and_pixels_of_a_cell(quick):
    suite = suites.load_suite('robustness').select(['cliff', 'cliff_large-crop'])
    plain, large = (profiles.network_config(row, quick, 0) for row in suite.rows)
    init_default_scope('mmroi')
    for loader in profiles.LOADERS:
        assert read_crops(large[loader]) == replace(read_crops(plain[loader]), crop_size=(576, 448))
    assert (plain.feature_cache.num_rois, large.feature_cache.num_rois) == (5, None)
    # The large crop shows the same box in 2.25 times as many pixels, and 8 columns more at each side.
    image = cv2.GaussianBlur(np.random.default_rng(0).random((400, 500, 3)), (0, 0), 12)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    person = dict(
        img=image,
        bbox_xywh=np.array([200.0, 80, 90, 210]),
        principal_point=np.array([250.0, 200]),
        focal_length=500.0,
    )
    samples = []
    for config in (plain, large):
        sample = dict(person, img_shape=image.shape[:2])
        for step in config.test_dataloader.dataset.pipeline[1:3]:
            sample = TRANSFORMS.build(step)(sample)
        samples.append(sample)
    small, big = samples
    np.testing.assert_array_equal(big['boxes'], small['boxes'])
    reduced = cv2.resize(big['crops'][0][:, 8:-8], (192, 256), interpolation=cv2.INTER_AREA)
    assert big['crops'].shape == (1, 576, 448, 3)
    assert np.abs(reduced.astype(int) - small['crops'][0]).max() <= 3
    # Each cell is the mean of 2 x 2 pixels of the map, with both.
    for config, sides in ((plain, (8, 6)), (large, (18, 14))):
        neck = MODELS.build(config.model.encoder.neck)
        features = torch.randn(1, 1280, *sides)
        torch.testing.assert_close(neck.reduce([features])[0], torch.nn.functional.avg_pool2d(features, 2))


def test_only_rows_with_the_crops_of_the_profile_are_tested_on_five_rois(quick, tmp_path):
    suite = suites.load_suite('robustness').select(['cliff', 'cliff_large-crop'])
    tested = [runs.test_config(run, quick) for run in runs.plan(suite.rows, [0], tmp_path)]
    assert [read_crops(config.test_dataloader).num_rois for config in tested] == [5, 1]


SMPL_FILES = [
    f'data/body_models/smpl/{name}'
    for name in (
        'J_regressor_extra.npy',
        'J_regressor_h36m.npy',
        'SMPL_FEMALE.pkl',
        'SMPL_MALE.pkl',
        'SMPL_NEUTRAL.pkl',
    )
]


def touch(*files):
    for file in files:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()


def test_real_data_are_used_where_all_of_them_and_smpl_are_there(tmp_path, monkeypatch):
    suite = suites.load_suite('table2')
    monkeypatch.chdir(tmp_path)
    assert profiles.choose_profile(suite, synthetic=False, quick=False) in ('cpu', 'gpu-synthetic')
    base = load_config(ROOT / 'configs' / 'ablation' / 'multi-roi_r50_1xb48-25e_coco-256x192.py')
    files = [f'data/preprocessed_datasets/{name}.npz' for name in ('cliff_coco_train', 'pw3d_test')]
    assert profiles.missing_files(base) == [*SMPL_FILES, *files]
    touch(*files, *SMPL_FILES[:-1])
    assert profiles.choose_profile(suite, synthetic=False, quick=False) in ('cpu', 'gpu-synthetic')
    touch(SMPL_FILES[-1])
    assert profiles.choose_profile(suite, synthetic=False, quick=False) == 'real'
    assert profiles.choose_profile(suite, synthetic=True, quick=False) != 'real'
    assert profiles.choose_profile(suite, synthetic=False, quick=True) == 'quick'
    assert (
        len(profiles.missing_files(load_config(ROOT / 'configs/hmr/hmr_r50_1xb48-25e_mixture-256x192.py')))
        == 3
    )
