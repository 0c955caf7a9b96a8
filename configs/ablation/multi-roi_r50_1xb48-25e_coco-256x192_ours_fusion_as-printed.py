# Equations 2 and 4 as printed: one linear score over the difference of two encodings. Softmax cancels what
# depends on m, so all RoIs get the same feature (it warns); only its own box then tells D_cam the RoIs apart.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(type='LinearRoIAwareFusion', relation='difference_of'))
