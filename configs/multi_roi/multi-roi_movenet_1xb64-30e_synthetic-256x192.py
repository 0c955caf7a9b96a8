# The shipped Multi-RoI: small heads on a frozen encoder that knows 2D poses of real people
# (``make pretrain``).
_base_ = [
    '../_base_/models/multi-roi_movenet.py',
    '../_base_/models/wide_heads.py',
    '../_base_/datasets/synthetic_natural_full.py',
    '../_base_/schedules/adamw_heads.py',
    '../_base_/default_runtime.py',
]

model = dict(**_base_.wide_heads)

# The networks share features.
feature_cache = dict(variants=2, precision='auto', num_rois=5)

max_epochs = 30
