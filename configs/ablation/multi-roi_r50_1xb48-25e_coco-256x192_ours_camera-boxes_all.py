# Not in the paper: the camera decoder sees the boxes of all RoIs, as in the authors' code.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(head=dict(camera_boxes='all'))
