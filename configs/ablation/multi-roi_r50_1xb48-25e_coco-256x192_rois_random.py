# The paper's supplement: RoIs drawn at random, which it found worse than the fixed ones.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

random_rois = True
