# The network of the authors' code: pose, shape and camera together for each RoI, from the boxes of all;
# float32 arithmetic in the encoding, a scale that may become negative. And its losses: the camera of RoI 1
# against the others in pixels, the sum of the x and y residuals squared; SupCon times its temperature
# (0.1 * 0.5).
_base_ = './multi-roi_r50.py'

model = dict(
    fusion=dict(encoding=dict(type='Float32BoxEncoding')),
    head=dict(
        _delete_=True,
        type='CLIFFHead',
        boxes='all',
        hidden_channels=(2048, 1024),
        positive_scale=False,
    ),
    losses=dict(
        camera=dict(weight_x=1.0, weight_y=1.0, weight_s=1e-8, scale='pixels', pairs='anchor', sum_xy=True),
        contrastive=dict(denominator='all', loss_weight=0.05),
    ),
)
