# The paper's form of the decoder D_cam (equation 5): it regresses the camera of each RoI's own box.
_base_ = './multi-roi_r18_1xb16-5e_synthetic-96x72.py'

model = dict(head=dict(camera_frame='own'))
