# For converted checkpoints: Huawei's res50 and the ResNet-50 that Multi-RoI's authors retrained.
_base_ = './cliff_r50_finetune-1xb48-5e_pw3d-256x192.py'

# The scale as the network gives it; published networks do not keep it positive.
model = dict(head=dict(positive_scale=False))
load_from = None
