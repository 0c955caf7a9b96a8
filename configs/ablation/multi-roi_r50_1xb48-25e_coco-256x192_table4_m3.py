# Table 4, M = 3. The paper: 81.2 / 52.3 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

num_rois = 3
