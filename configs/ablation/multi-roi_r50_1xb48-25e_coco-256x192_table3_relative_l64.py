# Table 3, h with the relative position, L = 64. The paper: 81.1 / 52.3 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(num_freqs=64))
