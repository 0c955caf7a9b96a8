# For the converted checkpoints of MMHuman3D's PARE.
_base_ = [
    '../_base_/models/pare_hr32_mmhuman3d.py',
    '../_base_/datasets/pw3d.py',
    '../_base_/schedules/finetune_5e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    body_model=_base_.body_model,
    # The scale as the network gives it; published networks do not keep it positive.
    head=dict(positive_scale=False),
)
