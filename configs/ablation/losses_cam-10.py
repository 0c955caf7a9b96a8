# Another weight of the camera consistency loss.
_base_ = './multi-roi_r50_coco.py'

model = dict(losses=dict(camera=dict(loss_weight=10.0)))
