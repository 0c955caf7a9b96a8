# The paper's schedule for HRNet-W48: lr 5e-5, batch 20 (which a config sets in its loader), 15 epochs.
_base_ = './adam_25e.py'

optim_wrapper = dict(optimizer=dict(lr=5e-5))
train_cfg = dict(max_epochs=15)
auto_scale_lr = dict(base_batch_size=20)
