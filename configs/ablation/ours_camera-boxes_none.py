# Not in the paper: the camera decoder sees no box, as equation 5 is printed.
_base_ = './multi-roi_r50_coco.py'

model = dict(head=dict(camera_boxes='none'))
