# Half-width ResNet-18 from scratch on small crops, for a CPU.
_base_ = [
    '../_base_/models/multi-roi_r18.py',
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]

max_epochs = 5
