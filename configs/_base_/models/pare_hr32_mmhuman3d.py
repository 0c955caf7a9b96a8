# MMHuman3D's PARE (ICCV 2021): HRNet-W32, its branches brought to the finest resolution, and part attention.
_base_ = './cliff_r50.py'
custom_imports = dict(imports=['mmroi.models.mmhuman3d'])

crop_size = (224, 224)
model = dict(
    encoder=dict(
        backbone=dict(
            _delete_=True,
            type='MMHuman3DHRNet',
            extra=dict(
                stage1=dict(
                    num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)
                ),
                stage2=dict(
                    num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=(32, 64)
                ),
                stage3=dict(
                    num_modules=4,
                    num_branches=3,
                    block='BASIC',
                    num_blocks=(4, 4, 4),
                    num_channels=(32, 64, 128),
                ),
                stage4=dict(
                    num_modules=3,
                    num_branches=4,
                    block='BASIC',
                    num_blocks=(4, 4, 4, 4),
                    num_channels=(32, 64, 128, 256),
                ),
                downsample=False,
                use_conv=True,
            ),
        )
    ),
    head=dict(
        _delete_=True,
        type='MMHuman3DPareHead',
        num_deconv_layers=2,
        num_deconv_filters=(128, 128),
        num_deconv_kernels=(4, 4),
        use_heatmaps='part_segm',
        use_keypoint_attention=True,
        backbone='hrnet_w32-conv',
    ),
    # Like HMR it does not see the box.
    losses=dict(keypoints2d=dict(frame='crop')),
)
