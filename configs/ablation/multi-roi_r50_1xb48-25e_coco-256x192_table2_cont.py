# Table 2, L_cont alone: two of the three removed, as in the supplement, whose figures we do not hold.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

# Without RAF each camera comes from its own RoI's feature, u_m = h_m, and the mesh from their mean.
model = dict(fusion=None, losses=dict(camera=None))
