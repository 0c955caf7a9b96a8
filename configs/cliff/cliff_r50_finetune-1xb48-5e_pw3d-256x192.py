_base_ = [
    '../_base_/models/cliff_r50.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)

load_from = 'work_dirs/cliff_r50_1xb48-25e_mixture-256x192/epoch_25.pth'
