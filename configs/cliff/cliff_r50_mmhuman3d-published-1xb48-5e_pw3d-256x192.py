# For MMHuman3D's converted CLIFF: the same network, whose boxes and cameras count the width of the crops.
# MMHuman3D makes a square of any box, by its longer side, which becomes the width of the 256x192 crop; the
# height is 4/3 of it.
_base_ = './cliff_r50_published-1xb48-5e_pw3d-256x192.py'

model = dict(head=dict(box_scale=0.75))

box_aspect = 1.0
box_scale = 1.2 * 4 / 3
