# Table 3, h with NULL. The paper: 98.7 / 56.9 mm.
_base_ = './multi-roi_r50_coco.py'

model = dict(fusion=dict(relation='none'))
