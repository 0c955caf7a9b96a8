# Table 2, without L_cont.
# One of the three removed: the paper's rows are 83.8 / 54.8, 83.1 / 52.0 and 83.4 / 53.3 mm, and what we hold
# of it does not say which is which, except that without L_cam MPJPE rises by about 3 mm while PA stays low.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(losses=dict(contrastive=None))
