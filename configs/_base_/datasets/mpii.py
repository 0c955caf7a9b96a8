# MPII with CLIFF's pseudo-labels. MPII has no measured bodies to test on: 3DPW stands in.
_base_ = './real.py'

train_dataloader = dict(
    dataset=dict(**_base_.mpii, data_root=_base_.data_root, pipeline=_base_.train_pipeline)
)
