# Not in the paper: the mesh decoder sees no box, as equation 6 is printed.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(head=dict(mesh_boxes='none'))
