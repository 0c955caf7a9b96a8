# For MMHuman3D's converted CLIFF: the same network, whose boxes and cameras count the width of the crops.
# MMHuman3D makes a square of any box, by its longer side, which becomes the width of the 256x192 crop; the
# height is 4/3 of it.
_base_ = './cliff_r50_published.py'

model = dict(head=dict(box_scale=0.75))

train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[1].update(aspect=1.0, scale=4 / 3, crop_aspect=0.75)
test_pipeline[1].update(aspect=1.0, scale=4 / 3, crop_aspect=0.75)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
