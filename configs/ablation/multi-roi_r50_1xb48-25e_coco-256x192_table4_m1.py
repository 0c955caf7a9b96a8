# Table 4, M = 1. The paper: 84.6 / 54.2 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

num_rois = 1
