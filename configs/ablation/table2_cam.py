# Table 2, L_cam alone.
# The paper has no such row.
_base_ = './multi-roi_r50_coco.py'

model = dict(fusion=None, losses=dict(contrastive=None))
