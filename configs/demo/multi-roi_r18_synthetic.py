# ``make demo``: a few minutes on two cores, on the easy preset. A demonstration, not a benchmark.
_base_ = '../multi_roi/multi-roi_r18_synthetic.py'

crop_size = (64, 48)
data_root = 'data/synthetic/easy/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

max_epochs = 8
train_cfg = dict(val_interval=max_epochs)
