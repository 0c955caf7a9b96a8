# HRNet-W48, its branches brought to the coarsest resolution by strided convolutions and concatenated: 720
# channels. For the ``encoder`` of a model.
hrnet_w48 = dict(
    type='MultiRoIEncoder',
    backbone=dict(
        type='mmdet.HRNet',
        extra=dict(
            stage1=dict(
                num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)
            ),
            stage2=dict(
                num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=(48, 96)
            ),
            stage3=dict(
                num_modules=4, num_branches=3, block='BASIC', num_blocks=(4, 4, 4), num_channels=(48, 96, 192)
            ),
            stage4=dict(
                num_modules=3,
                num_branches=4,
                block='BASIC',
                num_blocks=(4, 4, 4, 4),
                num_channels=(48, 96, 192, 384),
            ),
        ),
    ),
    neck=dict(type='BranchDownsampler', in_channels=(48, 96, 192, 384), method='strided'),
    pool='concat',
)
