# Not in the paper: the mesh decoder sees the base box alone.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(head=dict(mesh_boxes='base'))
