import copy

import pytest
from mmengine.config import Config

from mmroi.datasets import GetPersonBox, MultiRoICrop
from mmroi.engine.pipelines import (
    CropSettings,
    change_pipelines,
    check_expanded,
    expand_numbers,
    find_pipeline,
    find_steps,
    inference_pipeline,
    load_config,
    read_crops,
    set_crops,
)

PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='MultiRoICrop', num_rois=5, crop_size=(256, 192)),
    dict(type='PackHMRInputs'),
]


def pipeline(box='GetPersonBox', crop='MultiRoICrop', **of_box):
    steps = copy.deepcopy(PIPELINE)
    steps[1].update(type=box, **of_box)
    steps[2].update(type=crop)
    return steps


def config(steps, **numbers):
    dataset = dict(type='HumanImageDataset', pipeline=steps)
    return Config(dict(test_dataloader=dict(dataset=dataset), **numbers))


@pytest.mark.parametrize(
    'box, crop',
    [
        ('GetPersonBox', 'MultiRoICrop'),
        ('mmroi.GetPersonBox', 'mmroi.MultiRoICrop'),
        (GetPersonBox, MultiRoICrop),
        (type('Mine', (GetPersonBox,), {}), 'mmroi.datasets.transforms.multi_roi_crop.MultiRoICrop'),
    ],
)
@pytest.mark.parametrize(
    'wrap',
    [
        lambda data: data,
        lambda data: dict(type='RepeatDataset', dataset=data, times=2),
        lambda data: dict(type='ConcatDataset', datasets=[data, copy.deepcopy(data)]),
        lambda data: dict(type='MixedDataset', datasets=[dict(ann_file='a.npz')], pipeline=data['pipeline']),
        lambda data: dict(type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=[data])),
    ],
)
def test_steps_are_found_by_any_type_in_any_dataset(box, crop, wrap):
    loader = dict(dataset=wrap(dict(pipeline=pipeline(box, crop, scale=1.5))))
    assert read_crops(loader) == CropSettings(5, (256, 192), 0.75, 1.5)
    set_crops(loader, num_rois=3, crop_size=[64, 64], box_scale=1.1)
    assert read_crops(loader) == CropSettings(3, (64, 64), 1.0, 1.1)
    assert [step['type'] for step in find_pipeline(loader)] == ['LoadImage', box, crop, 'PackHMRInputs']


def test_steps_within_test_time_augmentation():
    views = [dict(type='TestTimeAug', transforms=[[PIPELINE[1]], [PIPELINE[2]]])]
    changed = copy.deepcopy(views)
    set_crops(changed, num_rois=2)
    assert read_crops(changed).num_rois == 2 and len(find_steps(changed, MultiRoICrop)) == 1


def test_defaults_are_those_of_the_transforms():
    crop = MultiRoICrop()
    steps = [dict(type='GetPersonBox'), dict(type='MultiRoICrop')]
    assert read_crops(steps) == CropSettings(crop.num_rois, crop.crop_size, GetPersonBox().aspect, 1.2)


def test_one_crop_for_all_rois():
    cfg = config(pipeline(), context_size=[384, 352])
    own = read_crops(cfg.test_dataloader)
    assert (own.num_crops, own.input_size) == (5, (256, 192))
    expand_numbers(cfg)
    shared = read_crops(cfg.test_dataloader)
    assert shared == CropSettings(5, (256, 192), 0.75, 1.2, context_size=(384, 352))
    assert (shared.num_crops, shared.input_size) == (1, (384, 352))
    set_crops(cfg.test_dataloader, num_rois=3)
    assert read_crops(cfg.test_dataloader).context_size == (384, 352)


def test_no_crops_or_different_ones():
    with pytest.raises(ValueError, match='lacks GetPersonBox or MultiRoICrop'):
        read_crops(config(PIPELINE[:2]))
    with pytest.raises(ValueError, match='test_dataloader lacks'):
        read_crops(Config())
    both = dict(datasets=[dict(pipeline=PIPELINE), dict(pipeline=pipeline(scale=1.5))])
    with pytest.raises(ValueError, match='several ways'):
        read_crops(both)
    with pytest.raises(ValueError, match='no pipeline has MultiRoICrop'):
        set_crops(PIPELINE[:2], num_rois=3)
    with pytest.raises(ValueError, match='no pipeline has GetPersonBox'):
        set_crops(PIPELINE[2:], box_scale=1.1)
    with pytest.raises(ValueError, match='no dataset has a pipeline'):
        change_pipelines(dict(pipeline=PIPELINE[:2]), lambda steps: steps)


@pytest.mark.parametrize(
    'before, changes, aspect, crop_aspect',
    [
        ({}, dict(crop_size=(224, 224)), 1.0, None),
        ({}, dict(crop_size=(63, 47)), 0.75, None),  # 47.25 pixels: as near as pixels can be
        ({}, dict(box_aspect=1.0), 1.0, 0.75),
        (dict(aspect=1.0, crop_aspect=0.75), dict(crop_size=(64, 48)), 1.0, 0.75),
        (dict(aspect=1.0, crop_aspect=0.75), dict(crop_size=(64, 64)), 1.0, None),
        (dict(aspect=1.0, crop_aspect=0.75), dict(box_aspect=0.75), 0.75, None),
        (dict(aspect=1.0, crop_aspect=0.75), dict(num_rois=2), 1.0, 0.75),
    ],
)
def test_boxes_follow_the_aspect_of_the_crops(before, changes, aspect, crop_aspect):
    steps = pipeline(**before)
    set_crops(steps, **changes)
    assert (steps[1].get('aspect', 0.75), steps[1].get('crop_aspect')) == (aspect, crop_aspect)


def test_numbers_of_a_config_reach_all_its_pipelines_once():
    mixture = dict(type='MixedDataset', datasets=[{}, {}], pipeline=pipeline())
    cfg = config(
        pipeline('mmroi.GetPersonBox', MultiRoICrop),
        num_rois=2,
        crop_size=[64, 64],
        box_scale=1.1,
        random_rois=True,
        train_dataloader=dict(dataset=mixture),
        val_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=dict(pipeline=pipeline()))),
        tta_pipeline=[dict(type='TestTimeAug', transforms=[[PIPELINE[1]], [PIPELINE[2]]])],
    )
    expand_numbers(cfg)
    wanted = CropSettings(2, (64, 64), 1.0, 1.1, True)
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'tta_pipeline')
    assert all(read_crops(cfg[name]) == wanted for name in loaders)
    before = cfg.to_dict()
    expand_numbers(cfg)
    assert cfg.to_dict() == before and 'num_rois' not in before


def test_an_option_for_one_pipeline_wins(tmp_path):
    (tmp_path / 'tiny.py').write_text(
        f'num_rois = 3\npipeline = {PIPELINE}\ntest_dataloader = dict(dataset=dict(pipeline=pipeline))\n'
        'train_dataloader = dict(dataset=dict(pipeline=pipeline))'
    )
    options = {'test_dataloader.dataset.pipeline.2.num_rois': 4}
    cfg = load_config(tmp_path / 'tiny.py', options)
    assert [read_crops(cfg[f'{name}_dataloader']).num_rois for name in ('train', 'test')] == [3, 4]
    cfg = load_config(tmp_path / 'tiny.py', dict(num_rois=2))
    assert [read_crops(cfg[f'{name}_dataloader']).num_rois for name in ('train', 'test')] == [2, 2]
    cfg.dump(tmp_path / 'dumped.py')
    assert Config.fromfile(tmp_path / 'dumped.py').to_dict() == cfg.to_dict()


@pytest.mark.parametrize(
    'numbers, message',
    [
        (dict(num_rois=0), 'num_rois must be a positive integer, not 0'),
        (dict(num_rois='five'), "num_rois must be a positive integer, not 'five'"),
        (dict(crop_size=64), r'crop_size must be height and width in pixels, such as \(256, 192\), not 64'),
        (dict(crop_size=(64, -1)), 'crop_size must be height and width'),
        (dict(box_scale=float('inf')), 'box_scale must be a positive number, not inf'),
        (dict(random_rois=1), 'random_rois must be True or False, not 1'),
        (dict(max_epochs=2.5), 'max_epochs must be a positive integer, not 2.5'),
        (dict(num_roi=3), "nothing reads num_roi = 3; did you mean 'num_rois'"),
    ],
)
def test_bad_numbers(numbers, message):
    with pytest.raises(ValueError, match=message):
        expand_numbers(config(PIPELINE, **numbers))


def test_numbers_that_nothing_takes():
    with pytest.raises(ValueError, match='config .*: no pipeline has MultiRoICrop'):
        expand_numbers(Config(dict(num_rois=3)))
    with pytest.raises(ValueError, match='config .*: max_epochs = 3, but train_cfg has no max_epochs'):
        expand_numbers(config(PIPELINE, max_epochs=3, train_cfg=dict(max_iters=10)))


def test_numbers_that_were_not_expanded_are_refused():
    cfg = config(PIPELINE, num_rois=3, crop_size=(256, 192))
    with pytest.raises(ValueError, match='num_rois = 3.*load_config.* instead of Config.fromfile'):
        check_expanded(cfg)
    check_expanded(config(PIPELINE, num_rois=5, crop_size=(256, 192)))  # what the pipelines have
    check_expanded(config(PIPELINE))
    expand_numbers(cfg)
    check_expanded(cfg)


def test_epochs_of_a_config_and_of_options_reach_its_schedule():
    def cfg():
        one_cycle = dict(type='OneCycleLR', total_steps=20)
        return Config(dict(max_epochs=5, train_cfg=dict(max_epochs=20), param_scheduler=[one_cycle]))

    def found(cfg):
        return cfg.train_cfg.max_epochs, cfg.param_scheduler[0].total_steps

    with pytest.raises(ValueError, match='max_epochs = 5'):
        check_expanded(cfg())
    for options, expected in [
        (None, (5, 5)),
        (dict(max_epochs=2), (2, 2)),
        ({'train_cfg.max_epochs': 2}, (2, 5)),  # a training that is cut short
        ({'max_epochs': 2, 'train_cfg.max_epochs': 2}, (2, 2)),
    ]:
        changed = cfg()
        expand_numbers(changed, options)
        assert found(changed) == expected and 'max_epochs' not in changed
        check_expanded(changed)


@pytest.mark.parametrize('given, expected', [(None, 1.5), (1.1, 1.1), (1.0, 1.0)])
def test_inference_runs_the_test_pipeline_without_reading_images(given, expected):
    steps = pipeline('mmroi.GetPersonBox', scale=1.5)
    steps[0] = dict(type='LoadImageFromFile', color_type='grayscale')
    steps.insert(2, dict(type='RandomBoxScale', factor=0.0))
    cfg = config(steps)
    found = inference_pipeline(cfg, given)
    steps = copy.deepcopy(steps)
    steps[0], steps[1]['scale'] = dict(type='LoadImage'), expected
    assert found == steps
    assert cfg.test_dataloader.dataset.pipeline[1].scale == 1.5


def test_boxes_without_a_margin_are_not_taken_for_tight_ones():
    """``scale=1.0`` once meant that the boxes of the annotation have their margin already."""
    cfg = config(pipeline(scale=1.0))
    with pytest.raises(ValueError, match=r'GetPersonBox\(scale=1\) leaves no margin .*box_margin.*scale=1.2'):
        inference_pipeline(cfg)
    assert find_steps(inference_pipeline(cfg, 1.2), GetPersonBox)[0]['scale'] == 1.2


def test_no_test_pipeline():
    with pytest.raises(ValueError, match='config .*: test_dataloader: no dataset has a pipeline'):
        inference_pipeline(Config())


def test_a_backbone_of_one_crop_size_follows_the_number():
    cfg = Config(
        dict(
            crop_size=(96, 72),
            model=dict(encoder=dict(crop_size=(64, 48), backbone=dict(type='ViT', crop_size=(64, 48)))),
            test_dataloader=dict(dataset=dict(pipeline=[dict(type='MultiRoICrop', crop_size=(64, 48))])),
        )
    )
    expand_numbers(cfg)
    assert cfg.model.encoder.crop_size == cfg.model.encoder.backbone.crop_size == (96, 72)
    assert cfg.test_dataloader.dataset.pipeline[0].crop_size == (96, 72)
