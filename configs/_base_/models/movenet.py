# A frozen MoveNet Thunder, which learned 2D poses of real people, and small heads. For ``model``.
movenet = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    encoder=dict(
        backbone=dict(
            _delete_=True,
            type='MoveNetBackbone',
            variant='thunder',
            init_cfg=dict(
                type='Pretrained',
                checkpoint='checkpoints/movenet_thunder.safetensors',
                sha256='06dd1e6ed8ba2c7900e80fee7801a7424e0b69a6eb576c2939788e687d6f1f91',
            ),
        ),
        neck=dict(type='GridNeck'),
        frozen_stages=4,
    ),
    head=dict(hidden_channels=(512, 512), dropout=0.0),
    # All joints that are labeled, the mean over them. No vertex loss: no mesh need be posed in training.
    losses=dict(
        smpl=dict(betas_weight=0.01),
        vertices=None,
        keypoints3d=dict(joints=None, num_joints=None),
        keypoints2d=dict(joints=None, num_joints=None),
    ),
)
