# Encoders that know 2D pose: MMPose 1.x, top-down heatmaps, COCO keypoints, 256x192 (docs/pretrained.md).
coco_pose_r50 = dict(
    type='Pretrained',
    prefix='backbone.',
    checkpoint='https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/'
    'td-hm_res50_8xb64-210e_coco-256x192-04af38ce_20220923.pth',
)
coco_pose_hr48 = dict(
    type='Pretrained',
    prefix='backbone.',
    checkpoint='https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/'
    'td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth',
)
