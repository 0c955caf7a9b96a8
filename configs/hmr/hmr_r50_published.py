# For the converted checkpoints of SPIN and of MMHuman3D's HMR.
_base_ = './hmr_r50_pw3d-finetune.py'

# The scale as the network gives it; published networks do not keep it positive.
model = dict(head=dict(positive_scale=False))
load_from = None

# Square crops.
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[1].update(aspect=1.0)
test_pipeline[1].update(aspect=1.0)
train_pipeline[-2].update(crop_size=(224, 224))
test_pipeline[-2].update(crop_size=(224, 224))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
