# Table 3, h with the relative position, L = 0. The paper: 81.6 / 52.9 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(num_freqs=0))
