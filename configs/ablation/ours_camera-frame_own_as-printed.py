# Equations 5 and 16 as printed: cameras of each RoI's own box, and L_cam's scale term in pixels at 1e-4.
_base_ = './ours_camera-loss_as-printed.py'

model = dict(head=dict(camera_frame='own'))
