# For small heads on a frozen encoder: batches of 64, more weight decay. A config sets ``max_epochs`` and
# ``total_steps`` to the same number.
_base_ = './adamw_one-cycle.py'

max_epochs = 40
optim_wrapper = dict(optimizer=dict(weight_decay=0.05))
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
train_cfg = dict(max_epochs=max_epochs, val_interval=4)
auto_scale_lr = dict(base_batch_size=64)
