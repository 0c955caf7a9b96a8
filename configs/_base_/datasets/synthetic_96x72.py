# Small crops and mild augmentation, for short trainings from scratch: the cameras of the images pitch and
# roll anyway, and there is no time to learn more.
_base_ = './synthetic.py'

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='RandomMirror', prob=0.5),
    dict(type='RandomBoxScale', factor=0.1),
    dict(type='RandomChannelNoise', factor=0.2),
    dict(type='MultiRoICrop', num_rois=5, crop_size=(96, 72)),
    dict(type='PackHMRInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='MultiRoICrop', num_rois=5, crop_size=(96, 72)),
    dict(type='PackHMRInputs'),
]

# A short training needs many steps rather than large batches.
train_dataloader = dict(batch_size=16, num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
