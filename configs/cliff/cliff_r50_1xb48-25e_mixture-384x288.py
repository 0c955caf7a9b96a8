# Not in the paper: one crop that costs the encoder 2.25 times one of 256x192.
_base_ = './cliff_r50_1xb48-25e_mixture-256x192.py'

crop_size = (384, 288)
