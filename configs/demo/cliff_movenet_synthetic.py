# ``make demo``: a few minutes on two cores, on the easy preset. A demonstration, not a benchmark.
_base_ = '../cliff/cliff_movenet_synthetic.py'

data_root = 'data/synthetic/easy/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

# Both networks read the same features.
feature_cache = dict(variants=2, precision='auto', num_rois=5)

max_epochs = 20
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        pct_start=0.15,
        total_steps=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
