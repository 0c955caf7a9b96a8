# Equations 5 and 16 as printed: cameras of each RoI's own box, and L_cam's scale term in pixels at 1e-4.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192_ours_camera-loss_as-printed.py'

model = dict(head=dict(camera_frame='own'))
