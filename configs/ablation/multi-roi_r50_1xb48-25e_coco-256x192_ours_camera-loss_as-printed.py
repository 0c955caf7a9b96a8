# L_cam as equation 16 is printed: the difference of b s in pixels, with the weight 1e-4 on its square.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(losses=dict(camera=dict(scale='pixels', weight_s=1e-4)))
