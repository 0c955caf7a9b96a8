# MPI-INF-3DHP, tested on its own test set.
_base_ = './real.py'

train_dataloader = dict(
    dataset=dict(**_base_.mpi_inf_3dhp, data_root=_base_.data_root, pipeline=_base_.train_pipeline)
)
val_dataloader = dict(
    dataset=dict(
        dataset_name='mpi_inf_3dhp',
        ann_file='preprocessed_datasets/mpi_inf_3dhp_test.npz',
        data_prefix=dict(img_path='datasets/mpi_inf_3dhp'),
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(protocol='mpi_inf_3dhp')
test_evaluator = val_evaluator
