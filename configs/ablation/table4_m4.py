# Table 4, M = 4. The paper: 82.2 / 53.1 mm.
_base_ = './multi-roi_r50_coco.py'

num_rois = 4
