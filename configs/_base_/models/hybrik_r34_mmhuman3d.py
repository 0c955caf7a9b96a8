# MMHuman3D's HybrIK (CVPR 2021): joints from a heatmap of the crop's volume, pose by inverse kinematics.
_base_ = './cliff_r50.py'
custom_imports = dict(imports=['mmroi.models.mmhuman3d'])

crop_size = (256, 256)
model = dict(
    encoder=dict(backbone=dict(_delete_=True, type='MMHuman3DResNet', depth=34, out_indices=(3,))),
    head=dict(_delete_=True, type='MMHuman3DHybrIKHead'),
    # HybrIK's: joints in the volume, in cells of 1/64; pose (there quaternions and twists) and shape.
    losses=dict(
        _delete_=True,
        volume=dict(type='VolumeLoss', loss_weight=64.0),
        smpl=dict(type='SMPLParameterLoss', pose_weight=0.01, betas_weight=1.0),
    ),
)
