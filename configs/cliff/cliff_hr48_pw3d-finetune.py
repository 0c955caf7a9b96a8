_base_ = [
    '../_base_/models/cliff_hr48.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)

# One RoI: the base box.
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[-2].update(num_rois=1)
test_pipeline[-2].update(num_rois=1)
train_dataloader = dict(batch_size=20, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

auto_scale_lr = dict(base_batch_size=20)
load_from = 'work_dirs/cliff_hr48_mixture/epoch_15.pth'
