# Not in the paper: one crop for all RoIs, which are taken from the map before the last stage of the encoder.
_base_ = './ours_shared-map.py'

model = dict(encoder=dict(roi_stage=3))
