# For the converted checkpoints of MMHuman3D's HybrIK.
_base_ = [
    '../_base_/models/hybrik_r34_mmhuman3d.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)

# The volume of a person takes 30 MB.
train_dataloader = dict(batch_size=16)
val_dataloader = dict(batch_size=16)
test_dataloader = val_dataloader

auto_scale_lr = dict(base_batch_size=16)
