_base_ = ['./multi-roi_r50.py', './hrnet_w48.py']

model = dict(
    encoder=dict(_delete_=True, **_base_.hrnet_w48),
    fusion=dict(in_channels=720),
    head=dict(in_channels=720),
    projector=dict(in_channels=720),
)
