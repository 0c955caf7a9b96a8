# Not in the paper: the scale of the cameras as regressed, of any sign, as in the authors' code.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(head=dict(positive_scale=False))
