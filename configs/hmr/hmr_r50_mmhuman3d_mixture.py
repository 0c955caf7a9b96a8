# MMHuman3D's HMR, its backbone and head, under our data, losses, schedule and metric; its 224x224 crops.
_base_ = './hmr_r50_mixture.py'
custom_imports = dict(imports=['mmroi.models.mmhuman3d'])

model = dict(
    encoder=dict(backbone=dict(type='MMHuman3DResNet')),
    head=dict(_delete_=True, type='MMHuman3DHMRHead'),
)

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
