# How sure the shipped Multi-RoI is of each joint: its weights stay, and a head for standard deviations learns
# from the errors on the training images, in minutes (docs/uncertainty.md).
_base_ = ['./multi-roi_movenet_1xb64-30e_synthetic-256x192.py', '../_base_/models/joint_uncertainty.py']

model = dict(frozen_parts=['encoder', 'fusion', 'head'], **_base_.joint_uncertainty)
load_from = 'checkpoints/multi-roi_movenet_synthetic.pth'

max_epochs = 2
train_cfg = dict(val_interval=2)
default_hooks = dict(checkpoint=dict(_delete_=True, type='CheckpointHook', interval=1, max_keep_ckpts=1))

test_evaluator = [_base_.test_evaluator, dict(type='JointUncertaintyMetric')]
