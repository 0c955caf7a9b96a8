# Another weight of the contrastive loss.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(losses=dict(contrastive=dict(loss_weight=1.0)))
