# Human3.6M: five subjects with MoSh parameters, tested on the frontal camera of the two others (protocol 2).
_base_ = './photographs.py'

train_dataloader = dict(
    dataset=dict(**_base_.h36m, data_root=_base_.data_root, pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        dataset_name='h36m', ann_file='preprocessed_datasets/h36m_valid_protocol2.npz',
        data_prefix=dict(img_path='datasets/h36m')))
test_dataloader = val_dataloader

val_evaluator = dict(protocol='h36m_p2')
test_evaluator = val_evaluator
