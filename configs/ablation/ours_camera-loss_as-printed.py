# L_cam as equation 16 is printed: the difference of b s in pixels, with the weight 1e-4 on its square.
_base_ = './multi-roi_r50_coco.py'

model = dict(losses=dict(camera=dict(scale='pixels', weight_s=1e-4)))
