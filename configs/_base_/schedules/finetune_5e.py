# The paper's fine-tuning on 3DPW: lr 1e-5, 5 epochs; its batch size is not stated, 48 is assumed.
_base_ = './adam_25e.py'

optim_wrapper = dict(optimizer=dict(lr=1e-5))
train_cfg = dict(max_epochs=5)
