# Not in the paper: the mesh decoder sees the base box alone.
_base_ = './multi-roi_r50_coco.py'

model = dict(head=dict(mesh_boxes='base'))
