# Not in the paper: the camera decoder sees the boxes of all RoIs, as in the authors' code.
_base_ = './multi-roi_r50_coco.py'

model = dict(head=dict(camera_boxes='all'))
