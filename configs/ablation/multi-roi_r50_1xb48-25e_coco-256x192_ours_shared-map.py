# Not in the paper: one crop for all RoIs, which are taken from its last feature map.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

context_size = (384, 352)
model = dict(encoder=dict(type='SharedMapEncoder', crop_size=(256, 192)))
