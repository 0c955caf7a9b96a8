# Fine-tuning: 3DPW's training set, tested on its test set.
_base_ = './real.py'

train_dataloader = dict(
    dataset=dict(**_base_.pw3d, data_root=_base_.data_root, pipeline=_base_.train_pipeline)
)
