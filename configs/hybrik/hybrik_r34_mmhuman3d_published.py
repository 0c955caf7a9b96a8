# For the converted checkpoints of MMHuman3D's HybrIK.
_base_ = [
    '../_base_/models/hybrik_r34_mmhuman3d.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)

# One RoI: the base box, in square crops. A volume is 30 MB large for each person.
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[1].update(aspect=1.0)
test_pipeline[1].update(aspect=1.0)
train_pipeline[-2].update(num_rois=1, crop_size=(256, 256))
test_pipeline[-2].update(num_rois=1, crop_size=(256, 256))
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

auto_scale_lr = dict(base_batch_size=16)
