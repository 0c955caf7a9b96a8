# The shipped Multi-RoI: half-width ResNet-18 on small crops, starting from the encoder of the shipped CLIFF
# (``make pretrain`` makes both), as the paper starts from an encoder that knows 2D pose.
_base_ = [
    '../_base_/models/multi-roi_r18.py',
    '../_base_/datasets/synthetic_96x72.py',
    '../_base_/schedules/adamw_one-cycle.py',
    '../_base_/default_runtime.py',
]

cliff = 'checkpoints/cliff_r18_synthetic.pth'
model = dict(
    encoder=dict(init_cfg=dict(type='Pretrained', checkpoint=cliff, prefix='encoder.')),
    heatmap_head=dict(init_cfg=dict(type='Pretrained', checkpoint=cliff, prefix='heatmap_head.')),
)

max_epochs = 5
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
train_cfg = dict(max_epochs=max_epochs)
