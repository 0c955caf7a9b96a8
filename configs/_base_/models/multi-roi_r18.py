# Half-width ResNet-18, trained from scratch on CPUs. Without a vertex loss no mesh need be posed in training.
_base_ = './multi-roi_r50.py'

model = dict(
    encoder=dict(backbone=dict(depth=18, base_channels=32)),
    head=dict(hidden_channels=(512, 512), dropout=0.0),
    # The encoder starts from nothing: heatmaps show it where the limbs are.
    heatmap_head=dict(type='HeatmapHead'),
    # All joints that are labeled, the mean over them.
    losses=dict(
        smpl=dict(betas_weight=0.01),
        vertices=None,
        keypoints3d=dict(joints=None, num_joints=None),
        keypoints2d=dict(joints=None, num_joints=None),
        heatmaps=dict(type='HeatmapLoss', loss_weight=0.5),
    ),
)
