# L_cam with the scale term of the authors' code: 1e-4 times the difference of b s in pixels, then squared.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(losses=dict(camera=dict(scale='pixels', weight_s=1e-8)))
