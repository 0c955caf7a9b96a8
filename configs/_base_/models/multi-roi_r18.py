# Half-width ResNet-18, trained from scratch on CPUs: without the vertex loss the mesh need not be posed in training.
_base_ = './multi-roi_r50.py'

model = dict(
    encoder=dict(backbone=dict(depth=18, base_channels=32), channels_last=True),
    fusion=dict(in_channels=256),
    head=dict(in_channels=256),
    projector=dict(in_channels=256),
    losses=dict(smpl=dict(betas_weight=0.01), vertices=None))
