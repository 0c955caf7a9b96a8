# A whole table in minutes on two cores: to see that all works, and roughly what differs. One seed.
_base_ = './_small.py'

title = 'synthetic photographs, quick profile'
seeds = [0]
photos = dict(out='data/synthetic/quick', preset='easy', num_train=2000, num_val=250, image_size=256, seed=0)

train_dataloader = dict(dataset=dict(data_root=photos['out']))
val_dataloader = dict(dataset=dict(data_root=photos['out']))
test_dataloader = val_dataloader

max_epochs = 2
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
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
