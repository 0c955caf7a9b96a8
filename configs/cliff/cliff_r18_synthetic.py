# The shipped CLIFF: half-width ResNet-18 from scratch on small crops (``make pretrain``).
_base_ = [
    '../_base_/models/cliff_r18.py',
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]

# One RoI: the base box.
train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[-2].update(num_rois=1)
test_pipeline[-2].update(num_rois=1)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

auto_scale_lr = dict(base_batch_size=64)
