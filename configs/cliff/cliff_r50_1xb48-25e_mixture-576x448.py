# Not in the paper: one crop that costs the encoder 1.05 times Multi-RoI's five. Boxes are those of 256x192
# crops; the crop shows 2 % of the width more at each side, for sides that are multiples of 32.
_base_ = './cliff_r50_1xb48-25e_mixture-256x192.py'

crop_size = (576, 448)
box_aspect = 0.75
