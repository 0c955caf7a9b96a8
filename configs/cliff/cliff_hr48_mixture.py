_base_ = [
    '../_base_/models/cliff_hr48.py',
    '../_base_/datasets/mixture.py',
    '../_base_/schedules/adam_15e_hr48.py',
    '../_base_/pretrained.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model, encoder=dict(backbone=dict(init_cfg=_base_.coco_pose_hr48)))

# One RoI: the base box.
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[-2].update(num_rois=1)
test_pipeline[-2].update(num_rois=1)
train_dataloader = dict(batch_size=20, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
