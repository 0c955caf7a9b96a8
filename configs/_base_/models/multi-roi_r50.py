# Multi-RoI (ECCV 2024): five RoIs, RoI-aware fusion, camera consistency and contrastive losses.
_base_ = './cliff_r50.py'

num_rois = 5
model = dict(
    num_rois=num_rois,
    fusion=dict(type='RoIAwareFusion', num_freqs=32),
    head=dict(_delete_=True, type='MultiRoIHead'),
    projector=dict(type='ContrastiveProjector'),
    losses=dict(
        camera=dict(type='CameraConsistencyLoss', loss_weight=1.0),
        contrastive=dict(type='ContrastiveLoss', loss_weight=0.1),
    ),
)
