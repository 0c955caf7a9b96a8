# The network of the shipped Multi-RoI, half-width ResNet-18 on small crops, from scratch. The training of the
# shipped weights started from the encoder of the shipped CLIFF.
_base_ = [
    '../_base_/models/multi-roi_r18.py',
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]

max_epochs = 5
