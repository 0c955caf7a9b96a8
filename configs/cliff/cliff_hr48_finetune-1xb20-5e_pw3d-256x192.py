_base_ = [
    '../_base_/models/cliff_hr48.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)

train_dataloader = dict(batch_size=20)

auto_scale_lr = dict(base_batch_size=20)
load_from = 'work_dirs/cliff_hr48_1xb20-15e_mixture-256x192/epoch_15.pth'
