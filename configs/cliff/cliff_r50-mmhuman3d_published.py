# For MMHuman3D's converted CLIFF: the same network, whose boxes and cameras count the width of the crops, and
# which was shown the side of a square box as the width, a third more in height.
_base_ = './cliff_r50_published.py'

model = dict(head=dict(box_scale=0.75))

train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[1].update(scale=4 / 3)
test_pipeline[1].update(scale=4 / 3)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
