# For MMHuman3D's converted CLIFF: the same network, whose boxes and cameras count the width of the crops.
_base_ = './cliff_r50_published.py'

model = dict(head=dict(box_scale=0.75))
