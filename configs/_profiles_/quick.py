# A whole table in minutes on two cores: to see that all works, and roughly what differs. One seed.
_base_ = './_small.py'

title = 'synthetic photographs, quick profile'
seeds = [0]
photos = dict(out='data/synthetic/quick', preset='easy', num_train=2000, num_val=250, image_size=256, seed=0)

train_pipeline = _base_.train_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[-2].update(crop_size=(64, 48))
test_pipeline[-2].update(crop_size=(64, 48))
train_dataloader = dict(dataset=dict(data_root=photos['out'], pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=photos['out'], pipeline=test_pipeline))
test_dataloader = val_dataloader

max_epochs = 4
param_scheduler = [
    dict(type='OneCycleLR', eta_max=5e-4, pct_start=0.15, total_steps=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
