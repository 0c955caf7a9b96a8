# The paper's supplement: RoIs drawn at random, which it found worse than the fixed ones.
_base_ = './multi-roi_r50_coco.py'

train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[-2].update(random=True)
test_pipeline[-2].update(random=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
