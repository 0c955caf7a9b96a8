# COCO 2014 with CLIFF's pseudo-labels. COCO has no measured bodies to test on: 3DPW stands in.
_base_ = './real.py'

train_dataloader = dict(
    dataset=dict(**_base_.coco, data_root=_base_.data_root, pipeline=_base_.train_pipeline)
)
