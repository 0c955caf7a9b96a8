# Table 2, RAF alone: two of the three removed, as in the supplement, whose figures we do not hold.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(losses=dict(camera=None, contrastive=None))
