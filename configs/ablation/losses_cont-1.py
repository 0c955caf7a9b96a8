# Another weight of the contrastive loss.
_base_ = './multi-roi_r50_coco.py'

model = dict(losses=dict(contrastive=dict(loss_weight=1.0)))
