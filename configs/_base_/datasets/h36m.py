# Human3.6M: five subjects with MoSh parameters, tested on the two others. It is open under which protocol the
# paper's figure is, so one pass over all cameras gives both; protocol 2 counts the frontal camera alone. Test
# files without SMPL parameters, such as MMHuman3D's, need gt='dataset' in both.
_base_ = './real.py'

train_dataloader = dict(
    dataset=dict(**_base_.h36m, data_root=_base_.data_root, pipeline=_base_.train_pipeline)
)
val_dataloader = dict(
    dataset=dict(
        dataset_name='h36m',
        ann_file='preprocessed_datasets/h36m_valid_protocol1.npz',
        data_prefix=dict(img_path='datasets/h36m'),
    )
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(_base_.val_evaluator, protocol='h36m_p1'),
    dict(_base_.val_evaluator, protocol='h36m_p2', other_cameras='skip'),
]
test_evaluator = val_evaluator
