# What makes the network of any row small enough to be trained on synthetic photographs in minutes or hours:
# the encoder of the shipped checkpoints, their crops, and the balance of their losses. ``model`` is merged into
# a row's model; parts and losses that the row does not have stay away.
_base_ = [
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]

cliff = 'checkpoints/cliff_r18_synthetic.pth'
model = dict(
    # The same start for all rows: an encoder that knows the photographs, as the paper's knows 2D pose.
    encoder=dict(
        _delete_=True,
        type='MultiRoIEncoder',
        channels_last=True,
        backbone=dict(type='mmdet.ResNet', depth=18, base_channels=32, out_indices=(3,)),
        init_cfg=dict(type='Pretrained', checkpoint=cliff, prefix='encoder.'),
    ),
    heatmap_head=dict(
        type='HeatmapHead',
        init_cfg=dict(type='Pretrained', checkpoint=cliff, prefix='heatmap_head.'),
    ),
    losses=dict(
        smpl=dict(betas_weight=0.01),
        vertices=None,
        keypoints3d=dict(joints=None, num_joints=None),
        keypoints2d=dict(joints=None, num_joints=None),
        heatmaps=dict(type='HeatmapLoss', loss_weight=0.5),
    ),
    # That of the photographs.
    body_model=dict(_delete_=True, type='SMPL'),
)
# What else of a head, by its type: hidden layers as a share of what the row has.
head_width = 0.5
heads = dict(CLIFFHead=dict(dropout=0.0), MultiRoIHead=dict(dropout=0.0), PerRoIMeshHead=dict(dropout=0.0))

# The last epoch is tested: the photographs that are tested on choose nothing.
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1, save_best=None))
amp = True
