# The paper's form of the decoder D_cam (equation 5): it regresses the camera of each RoI's own box.
_base_ = './multi-roi_r18_synthetic.py'

model = dict(head=dict(camera_frame='own'))
