# For the authors' converted ResNet-50 checkpoint.
_base_ = [
    '../_base_/models/multi-roi_r50_release.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model)
