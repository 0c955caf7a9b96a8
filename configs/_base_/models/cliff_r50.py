# CLIFF (ECCV 2022): one RoI, the box beside the feature, reprojection into the full frame.
num_rois = 1
model = dict(
    type='MeshEstimator',
    num_rois=num_rois,
    data_preprocessor=dict(type='HMRDataPreprocessor'),
    encoder=dict(
        type='MultiRoIEncoder',
        backbone=dict(type='mmdet.ResNet', depth=50, out_indices=(3,)),
        channels_last=True,
    ),
    head=dict(type='CLIFFHead'),
    body_model=dict(type='SMPL'),
    # Keypoints as in SPIN and the authors' code: SPIN's 24 joints; the sum over them is divided by 24 in 3D
    # and by 49 in 2D (OpenPose's 25 have weight zero there), labeled or not.
    losses=dict(
        smpl=dict(type='SMPLParameterLoss', pose_weight=1.0, betas_weight=0.001),
        vertices=dict(type='VertexLoss', loss_weight=1.0),
        keypoints3d=dict(type='Keypoint3DLoss', loss_weight=5.0, joints='smpl_24', num_joints=24),
        keypoints2d=dict(type='Keypoint2DLoss', loss_weight=5.0, joints='smpl_24', num_joints=49),
    ),
)
