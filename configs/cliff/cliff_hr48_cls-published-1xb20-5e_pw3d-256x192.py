# For Huawei's converted hr48: HRNet-W48 with the head of image classification.
_base_ = './cliff_hr48_published-1xb20-5e_pw3d-256x192.py'

model = dict(
    encoder=dict(
        neck=dict(_delete_=True, type='HRNetClassificationNeck', in_channels=(48, 96, 192, 384)), pool='last'
    ),
)
