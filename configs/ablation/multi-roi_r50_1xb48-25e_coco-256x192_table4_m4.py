# Table 4, M = 4. The paper: 82.2 / 53.1 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

num_rois = 4
