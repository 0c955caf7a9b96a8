# Table 2, RAF alone: two of the three removed, as in the supplement, whose figures we do not hold.
_base_ = './multi-roi_r50_coco.py'

model = dict(losses=dict(camera=None, contrastive=None))
