# CLIFF (ECCV 2022): one RoI, the box beside the feature, reprojection into the full frame.
model = dict(
    type='MeshEstimator',
    data_preprocessor=dict(type='HMRDataPreprocessor'),
    encoder=dict(
        type='MultiRoIEncoder',
        backbone=dict(type='mmdet.ResNet', depth=50, out_indices=(3, ))),
    head=dict(type='CLIFFHead', in_channels=2048),
    body_model=dict(type='SMPL'),
    # Keypoints as in SPIN and in the code of Multi-RoI: SPIN's 24 joints, the 3D loss divided by 24, the 2D loss
    # by 49 (OpenPose's 25 have weight zero there), whether they are labelled or not.
    losses=dict(
        smpl=dict(type='SMPLParameterLoss', pose_weight=1.0, betas_weight=0.001),
        vertices=dict(type='VertexLoss', loss_weight=1.0),
        keypoints3d=dict(type='Keypoint3DLoss', loss_weight=5.0, joints='smpl_24', num_joints=24),
        keypoints2d=dict(type='Keypoint2DLoss', loss_weight=5.0, joints='smpl_24', num_joints=49)),
)
