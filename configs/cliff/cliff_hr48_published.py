# For the converted HRNet-W48 that Multi-RoI's authors retrained.
_base_ = './cliff_hr48_pw3d-finetune.py'

model = dict(head=dict(positive_scale=False))
load_from = None
