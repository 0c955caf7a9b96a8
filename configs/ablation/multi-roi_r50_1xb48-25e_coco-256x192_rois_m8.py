# M = 8: beyond Table 4, for which the paper had no memory. If it does not fit: model.encoder.with_cp=True.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

num_rois = 8
