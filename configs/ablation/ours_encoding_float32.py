# Not in the paper: the encoding in float32, whose upper octaves are noise, as in the authors' code.
_base_ = './multi-roi_r50_coco.py'

model = dict(fusion=dict(encoding=dict(type='Float32BoxEncoding')))
