# Not in the paper: a mesh for each RoI, as in the authors' code; that of the base box is tested.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(head=dict(type='PerRoIMeshHead'))
