# Table 3, h with NULL. The paper: 98.7 / 56.9 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(relation='none'))
