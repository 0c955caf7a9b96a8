# Another weight of the camera consistency loss.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(losses=dict(camera=dict(loss_weight=10.0)))
