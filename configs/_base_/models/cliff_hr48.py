_base_ = ['./cliff_r50.py', './hrnet_w48.py']

model = dict(encoder=dict(_delete_=True, **_base_.hrnet_w48))
