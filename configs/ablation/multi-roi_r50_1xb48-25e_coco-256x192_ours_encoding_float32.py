# Not in the paper: the encoding in float32, whose upper octaves are noise, as in the authors' code.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(encoding=dict(type='Float32BoxEncoding')))
