# For small heads on a frozen encoder: batches of 64, more weight decay.
_base_ = './adamw_one-cycle.py'

max_epochs = 40
optim_wrapper = dict(optimizer=dict(weight_decay=0.05, fused=True))
train_cfg = dict(val_interval=4)
auto_scale_lr = dict(base_batch_size=64)
