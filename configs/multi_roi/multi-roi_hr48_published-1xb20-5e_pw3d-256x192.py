# For the authors' converted HRNet-W48 checkpoint.
_base_ = [
    '../_base_/models/multi-roi_hr48_release.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)

train_dataloader = dict(batch_size=20)
auto_scale_lr = dict(base_batch_size=20)
