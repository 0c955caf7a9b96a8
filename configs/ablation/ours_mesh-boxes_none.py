# Not in the paper: the mesh decoder sees no box, as equation 6 is printed.
_base_ = './multi-roi_r50_coco.py'

model = dict(head=dict(mesh_boxes='none'))
