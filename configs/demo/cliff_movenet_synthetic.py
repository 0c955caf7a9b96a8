# ``make demo``: a few minutes on two cores, on the easy preset. A demonstration, not a benchmark.
_base_ = '../cliff/cliff_movenet_synthetic.py'

data_root = 'data/synthetic/easy/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

feature_cache = dict(variants=2)

max_epochs = 20
train_cfg = dict(val_interval=max_epochs)
