# Everyday people beside all orientations and cameras; tested on the former.
_base_ = './synthetic_natural.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedDataset',
        datasets=[
            dict(
                type='HumanImageDataset',
                ann_file='train.npz',
                data_root=f'data/synthetic/{preset}/',
                dataset_name=preset,
            )
            for preset in ('natural', 'full')
        ],
        pipeline=_base_.train_pipeline,
    )
)
