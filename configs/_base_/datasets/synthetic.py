# Photographs rendered by this project (tools/dataset_tools/make_synthetic.py), five RoIs of 256x192. A config
# with other crops takes the two pipelines and changes their MultiRoICrop, the last step but one.
data_root = 'data/synthetic/full/'

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='RandomCameraRoll', max_angle=30, prob=0.6),
    dict(type='RandomMirror', prob=0.5),
    dict(type='RandomBoxScale', factor=0.25),
    dict(type='RandomChannelNoise', factor=0.4),
    dict(type='MultiRoICrop', num_rois=5, crop_size=(256, 192)),
    dict(type='PackHMRInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='MultiRoICrop', num_rois=5, crop_size=(256, 192)),
    dict(type='PackHMRInputs'),
]

train_dataloader = dict(
    batch_size=48,
    num_workers=4,
    persistent_workers=False,  # workers that outlive an epoch keep a random state that no checkpoint holds
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='HumanImageDataset', ann_file='train.npz', data_root=data_root, dataset_name='synthetic',
        pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='HumanImageDataset', ann_file='val.npz', data_root=data_root, dataset_name='synthetic',
        pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='MeshMetric', protocol='synthetic', body_model=dict(type='SMPL'))
test_evaluator = val_evaluator
