# ``synthetic_natural``, but people of the easy preset.
_base_ = './synthetic_natural.py'

data_root = 'data/synthetic/easy/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
