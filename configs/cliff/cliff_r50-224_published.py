# For MMHuman3D's converted CLIFF.
_base_ = './cliff_r50_published.py'

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
