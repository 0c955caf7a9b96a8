# The camera decoder regresses the camera of each RoI's own box, as equation 5 is printed.
_base_ = './multi-roi_r50_coco.py'

model = dict(head=dict(camera_frame='own'))
