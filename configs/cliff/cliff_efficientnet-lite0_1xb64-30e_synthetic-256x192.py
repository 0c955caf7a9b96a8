# A control of cliff_movenet_1xb64-30e_synthetic-256x192:
# an encoder of the same kind that learned ImageNet's classes instead of 2D poses.
_base_ = './cliff_movenet_1xb64-30e_synthetic-256x192.py'

model = dict(
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0]),
    encoder=dict(
        backbone=dict(
            _delete_=True,
            type='EfficientNetLite0',
            init_cfg=dict(type='Pretrained', checkpoint='checkpoints/efficientnet-lite0.safetensors'),
        )
    ),
)
