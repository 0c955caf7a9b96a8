# Not in the paper: one crop for all RoIs, about as large as that of one.
_base_ = './ours_shared-map.py'

context_size = (256, 224)
