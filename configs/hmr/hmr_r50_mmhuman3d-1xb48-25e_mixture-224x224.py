# MMHuman3D's HMR, its backbone and head, under our data, losses, schedule and metric; its 224x224 crops.
_base_ = './hmr_r50_1xb48-25e_mixture-256x192.py'
custom_imports = dict(imports=['mmroi.models.mmhuman3d'])

model = dict(
    encoder=dict(backbone=dict(type='MMHuman3DResNet')),
    head=dict(_delete_=True, type='MMHuman3DHMRHead'),
)

crop_size = (224, 224)
