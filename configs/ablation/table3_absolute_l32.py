# Table 3, h with the absolute position, L = 32. The paper: 87.6 / 55.0 mm.
_base_ = './multi-roi_r50_coco.py'

model = dict(fusion=dict(relation='absolute'))
