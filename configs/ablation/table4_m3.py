# Table 4, M = 3. The paper: 81.2 / 52.3 mm.
_base_ = './multi-roi_r50_coco.py'

num_rois = 3
model = dict(fusion=dict(num_rois=num_rois), head=dict(num_rois=num_rois))
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[-2].update(num_rois=num_rois)
test_pipeline[-2].update(num_rois=num_rois)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
