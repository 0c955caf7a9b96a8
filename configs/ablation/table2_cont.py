# Table 2, L_cont alone.
# The paper has no such row.
_base_ = './multi-roi_r50_coco.py'

model = dict(fusion=dict(_delete_=True, type='MeanFusion', in_channels=2048), losses=dict(camera=None))
