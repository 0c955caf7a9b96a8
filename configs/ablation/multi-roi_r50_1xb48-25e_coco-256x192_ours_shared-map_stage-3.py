# Not in the paper: one crop for all RoIs, which are taken from the map before the last stage of the encoder.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192_ours_shared-map.py'

model = dict(encoder=dict(roi_stage=3))
