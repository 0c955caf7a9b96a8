# The shipped Multi-RoI: half-width ResNet-18 on small crops, from the encoder of the shipped CLIFF (`make pretrain`).
_base_ = [
    '../_base_/models/multi-roi_r18.py',
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]
