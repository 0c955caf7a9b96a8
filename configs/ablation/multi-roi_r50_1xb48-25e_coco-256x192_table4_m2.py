# Table 4, M = 2. The paper: 82.9 / 54.4 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

num_rois = 2
