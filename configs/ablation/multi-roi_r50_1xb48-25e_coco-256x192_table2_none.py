# Table 2, none of the three. The paper: 87.0 / 55.8 mm.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

# Without RAF each camera comes from its own RoI's feature, u_m = h_m, and the mesh from their mean.
model = dict(fusion=None, losses=dict(camera=None, contrastive=None))
