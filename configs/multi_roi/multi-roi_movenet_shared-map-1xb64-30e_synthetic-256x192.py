# The shipped Multi-RoI with its five RoIs taken from the feature map of one crop: 4.76 instead of 8.56 GFLOPs
# a person, and 2.08 with context_size = (256, 224) (tools/analysis_tools/get_flops.py).
_base_ = './multi-roi_movenet_1xb64-30e_synthetic-256x192.py'

context_size = (384, 352)
model = dict(encoder=dict(type='SharedMapEncoder', crop_size=(256, 192)))
