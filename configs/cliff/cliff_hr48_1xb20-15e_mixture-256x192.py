_base_ = [
    '../_base_/models/cliff_hr48.py',
    '../_base_/datasets/mixture.py',
    '../_base_/schedules/adam_15e_hr48.py',
    '../_base_/pretrained.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model, encoder=dict(backbone=dict(init_cfg=_base_.coco_pose_hr48)))

train_dataloader = dict(batch_size=20)
