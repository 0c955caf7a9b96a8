# Table 3, h with the absolute position, L = 32. The paper: 87.6 / 55.0 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(relation='absolute'))
