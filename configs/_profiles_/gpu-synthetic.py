# Tens of thousands of photographs and more epochs, for an accelerator and eight loader processes for each
# training. Nothing has been measured with it yet.
_base_ = './_small.py'

title = 'synthetic photographs, GPU profile'
seeds = [0, 1, 2]
photos = dict(
    out='data/synthetic/full_40k', preset='full', num_train=40000, num_val=2000, image_size=256, seed=0
)

train_dataloader = dict(batch_size=64, num_workers=8, dataset=dict(data_root=photos['out']))
val_dataloader = dict(num_workers=8, dataset=dict(data_root=photos['out']))
test_dataloader = val_dataloader

max_epochs = 12
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=5e-4,
        pct_start=0.15,
        total_steps=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
