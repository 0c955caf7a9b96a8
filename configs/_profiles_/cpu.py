# The largest that is sensible on a few cores: about twenty minutes for each training, hours for a table. The
# photographs, the crops and the schedule are those of the shipped checkpoints (`make pretrain`).
_base_ = './_small.py'

title = 'synthetic photographs, CPU profile'
seeds = [0, 1, 2]
photos = dict(out='data/synthetic/full', preset='full', num_train=10400, num_val=500, image_size=256, seed=0)

max_epochs = 7
param_scheduler = [
    dict(type='OneCycleLR', eta_max=5e-4, pct_start=0.15, total_steps=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
