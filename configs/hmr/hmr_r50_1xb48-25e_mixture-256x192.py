# HMR (CVPR 2018) in SPIN's form (ICCV 2019): CLIFF without the box, reprojection into the crop.
_base_ = '../cliff/cliff_r50_1xb48-25e_mixture-256x192.py'

model = dict(head=dict(boxes='none'), losses=dict(keypoints2d=dict(frame='crop')))
