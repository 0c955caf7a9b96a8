_base_ = ['./multi-roi_r50_release.py', './hrnet_w48.py']

model = dict(encoder=dict(_delete_=True, **_base_.hrnet_w48))
