# Not in the paper: one crop for all RoIs, about as large as that of one.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192_ours_shared-map.py'

context_size = (256, 224)
