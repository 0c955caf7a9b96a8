# Figure 8, MPJPE over the epochs: self-attention over the RoIs, against RAF in the base. The figure is a
# plot; no number is printed with it.
_base_ = './multi-roi_r50_1xb48-25e_coco-256x192.py'

model = dict(fusion=dict(_delete_=True, type='SelfAttentionFusion', num_heads=4, num_freqs=32))
