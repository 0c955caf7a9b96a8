# Half-width ResNet-18 from scratch on small crops, for a CPU.
_base_ = [
    '../_base_/models/cliff_r18.py',
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=64)

auto_scale_lr = dict(base_batch_size=64)
