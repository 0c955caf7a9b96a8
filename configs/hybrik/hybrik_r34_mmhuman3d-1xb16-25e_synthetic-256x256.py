# MMHuman3D's HybrIK under our data, losses, schedule and metric.
_base_ = [
    '../_base_/models/hybrik_r34_mmhuman3d.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adam_25e.py',
    '../_base_/default_runtime.py',
]

# The volume of a person takes 30 MB.
train_dataloader = dict(batch_size=16)
val_dataloader = dict(batch_size=16)
test_dataloader = val_dataloader

auto_scale_lr = dict(base_batch_size=16)
