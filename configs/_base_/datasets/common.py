# What all datasets share: the paper's augmentation, five RoIs of 256x192, batches of 48. A config takes other
# crops by one number each at its top level: num_rois, crop_size, box_scale (docs/customize.md).
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    # As in SPIN and the authors' code: an angle of N(0, 30 degrees), clipped at 60, for 2 of 5 samples.
    dict(type='RandomCameraRoll', max_angle=60, std=30, prob=0.4),
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
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
