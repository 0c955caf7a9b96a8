# Table 4, M = 3. The paper: 81.2 / 52.3 mm.
_base_ = './multi-roi_r50_coco.py'

num_rois = 3
