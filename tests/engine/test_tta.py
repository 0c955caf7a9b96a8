import pytest
from mmengine.config import Config

from mmroi.engine.tta import mirrored_views, use_tta

CROP, PACK = dict(type='MultiRoICrop', num_rois=5), dict(type='mmroi.PackHMRInputs')
PIPELINE = [dict(type='LoadImage'), dict(type='GetPersonBox'), CROP, PACK]


def config(dataset, **keys):
    return Config(dict(model=dict(type='MeshEstimator'), test_dataloader=dict(dataset=dataset), **keys))


def test_the_image_is_decoded_once_and_cropped_twice():
    views = mirrored_views(PIPELINE)
    assert views[:2] == PIPELINE[:2] and 'mirror_rois' not in CROP
    assert views[2]['transforms'] == [
        [dict(type='RandomMirror', prob=0.0), dict(type='RandomMirror', prob=1.0)],
        [dict(CROP, mirror_rois=True)],
        [PACK],
    ]
    assert len(views) == 3


def test_all_data_sets_within_each_other():
    cfg = config(dict(type='ConcatDataset', datasets=[dict(pipeline=PIPELINE), dict(pipeline=PIPELINE)]))
    use_tta(cfg)
    for part in cfg.test_dataloader.dataset.datasets:
        assert part.pipeline == mirrored_views(PIPELINE)
    assert cfg.model == dict(type='MeshTTAModel', module=dict(type='MeshEstimator'))


def test_the_configs_own_views_and_model():
    own = [dict(type='LoadImage'), dict(type='TestTimeAug', transforms=[])]
    cfg = config(dict(pipeline=PIPELINE), tta_pipeline=own, tta_model=dict(type='Mine'))
    use_tta(cfg)
    assert cfg.test_dataloader.dataset.pipeline == own and cfg.model.type == 'Mine'


def test_no_crop():
    with pytest.raises(ValueError, match='no MultiRoICrop in the pipeline of test_dataloader.dataset'):
        use_tta(config(dict(pipeline=[dict(type='LoadImage')])))
