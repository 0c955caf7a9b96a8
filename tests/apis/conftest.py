import pytest
from mmengine.config import Config


@pytest.fixture
def config():
    """A small Multi-RoI model."""
    return Config(
        dict(
            default_scope='mmroi',
            model=dict(
                type='MeshEstimator',
                data_preprocessor=dict(type='HMRDataPreprocessor'),
                encoder=dict(
                    type='MultiRoIEncoder',
                    backbone=dict(
                        type='mmdet.ResNet', depth=18, base_channels=8, out_indices=(3,), norm_eval=False
                    ),
                ),
                head=dict(type='MultiRoIHead', in_channels=64, num_rois=2),
                fusion=dict(type='RoIAwareFusion', in_channels=64, num_rois=2),
                body_model=dict(type='SMPL'),
            ),
        )
    )
