# The paper's schedule for ResNet-50: Adam, constant 1e-4, batch 48, 25 epochs.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=25, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# --auto-scale-lr scales the rate to the batch size of all processes together.
auto_scale_lr = dict(base_batch_size=48, enable=False)
