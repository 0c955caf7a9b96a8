# Table 2, L_cont alone.
# The paper has no such row.
_base_ = './multi-roi_r50_coco.py'

model = dict(fusion=None, losses=dict(camera=None))
