# Not in the paper: one crop for all RoIs, which are taken from its last feature map.
_base_ = './multi-roi_r50_coco.py'

context_size = (384, 352)
model = dict(encoder=dict(type='SharedMapEncoder', crop_size=(256, 192)))
