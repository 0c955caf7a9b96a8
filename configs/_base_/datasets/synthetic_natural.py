# The synthetic images that a frozen encoder of real people learns from: boxes as detectors give them, other
# cameras and colors.
_base_ = './synthetic.py'

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='RandomCameraRoll', max_angle=30, std=15, prob=0.4),
    dict(type='RandomMirror', prob=0.5),
    dict(type='RandomBoxScale', factor=0.2),
    dict(type='RandomBoxShift', factor=0.06),
    dict(type='RandomChannelNoise', factor=0.2),
    dict(type='MultiRoICrop', num_rois=5, crop_size=(256, 192)),
    dict(type='PackHMRInputs'),
]

data_root = 'data/synthetic/natural/'
train_dataloader = dict(batch_size=64, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
