# Table 2, RAF alone.
# The paper has no such row.
_base_ = './multi-roi_r50_coco.py'

model = dict(losses=dict(camera=None, contrastive=None))
