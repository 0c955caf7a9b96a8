# For the converted HRNet-W48 that Multi-RoI's authors retrained.
_base_ = './cliff_hr48_finetune-1xb20-5e_pw3d-256x192.py'

model = dict(head=dict(positive_scale=False))
load_from = None
