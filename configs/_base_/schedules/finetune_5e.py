# The paper's fine-tuning on 3DPW: lr 1e-5, 5 epochs. The released code has batches of 20 for HRNet-W48; for
# ResNet-50 none is stated, 48 is assumed.
_base_ = './adam_25e.py'

optim_wrapper = dict(optimizer=dict(lr=1e-5))
train_cfg = dict(max_epochs=5)
