# The paper's supplement: RoIs drawn at random, which it found worse than the fixed ones.
_base_ = './multi-roi_r50_coco.py'

random_rois = True
