# ``make demo``: a few minutes on two cores, on the easy preset. A demonstration, not a benchmark.
_base_ = [
    '../_base_/models/cliff_movenet.py',
    '../_base_/datasets/synthetic_easy.py',
    '../_base_/schedules/adamw_heads.py',
    '../_base_/default_runtime.py',
]

# Both networks read the same features.
feature_cache = dict(variants=2, precision='auto', num_rois=5)

max_epochs = 20
train_cfg = dict(val_interval=max_epochs)
