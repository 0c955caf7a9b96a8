# HMR (CVPR 2018) in SPIN's form (ICCV 2019): CLIFF without the box, reprojection into the crop.
_base_ = '../cliff/cliff_r50_pw3d-finetune.py'

model = dict(head=dict(boxes='none'), losses=dict(keypoints2d=dict(frame='crop')))

load_from = 'work_dirs/hmr_r50_mixture/epoch_25.pth'
