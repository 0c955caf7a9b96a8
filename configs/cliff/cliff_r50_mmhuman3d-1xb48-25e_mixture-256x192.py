# MMHuman3D's CLIFF, its backbone and head, under our data, losses, schedule and metric.
_base_ = './cliff_r50_1xb48-25e_mixture-256x192.py'
custom_imports = dict(imports=['mmroi.models.mmhuman3d'])

model = dict(
    encoder=dict(backbone=dict(type='MMHuman3DResNet')),
    # Its boxes and cameras count the width of the 256x192 crops.
    head=dict(_delete_=True, type='MMHuman3DCliffHead', box_scale=0.75),
)
