# Images rendered by this project (tools/dataset_tools/make_synthetic.py).
_base_ = './common.py'

data_root = 'data/synthetic/full/'

train_dataloader = dict(
    dataset=dict(
        type='HumanImageDataset',
        ann_file='train.npz',
        data_root=data_root,
        dataset_name='synthetic',
        pipeline=_base_.train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='HumanImageDataset',
        ann_file='val.npz',
        data_root=data_root,
        dataset_name='synthetic',
        pipeline=_base_.test_pipeline,
        test_mode=True,
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(type='MeshMetric', protocol='synthetic', body_model=dict(type='SMPL'))
test_evaluator = val_evaluator
