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

# One RoI: the base box, in square crops.
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[1].update(aspect=1.0)
test_pipeline[1].update(aspect=1.0)
train_pipeline[-2].update(num_rois=1, crop_size=(224, 224))
test_pipeline[-2].update(num_rois=1, crop_size=(224, 224))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
