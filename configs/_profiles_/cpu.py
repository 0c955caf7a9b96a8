# As much of a table as two cores do in hours: minutes for each training. Crops and rate are those of the
# shipped checkpoints. Each seed sees other people, nobody twice.
_base_ = './_small.py'

title = 'synthetic photographs, CPU profile'
seeds = [0, 1, 2]
photos = dict(
    out='data/synthetic/frontal', preset='frontal', num_train=7000, num_val=500, image_size=256, seed=0
)

train_dataloader = dict(
    sampler=dict(_delete_=True, type='MixtureSampler', ratios=[1], epoch_size=1600),
    dataset=dict(
        _delete_=True,
        type='MixedDataset',
        data_root=photos['out'],
        pipeline=_base_.train_pipeline,
        datasets=[dict(type='HumanImageDataset', ann_file='train.npz', dataset_name='synthetic')],
    ),
)
val_dataloader = dict(dataset=dict(data_root=photos['out']))
test_dataloader = val_dataloader

max_epochs = 4
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        pct_start=0.15,
        total_steps=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
