# Everyday people beside all orientations and cameras; tested on the former.
_base_ = './synthetic_natural.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedDataset',
        datasets=[
            dict(type='HumanImageDataset', data_root='data/synthetic/natural/'),
            dict(type='HumanImageDataset', data_root='data/synthetic/full/'),
        ],
        ann_file='train.npz',
        dataset_name='synthetic',
        pipeline=_base_.train_pipeline,
    )
)
