# Base of the ablations: trained on COCO, tested on 3DPW; every other file of this folder says what differs.
# The paper's MPJPE / PA-MPJPE: 80.8 / 51.9 mm. It is the row "RAF + L_cam + L_cont" of Table 2, "relative,
# L = 32" of Table 3, M = 5 of Table 4 and the curve of RAF in Figure 8. ResNet-50 is an assumption: what we
# hold of the paper does not say which backbone its ablations have.
_base_ = [
    '../_base_/models/multi-roi_r50.py',
    '../_base_/datasets/coco_pw3d.py',
    '../_base_/schedules/adam_25e.py',
    '../_base_/pretrained.py',
    '../_base_/default_runtime.py',
]

model = dict(body_model=_base_.body_model, encoder=dict(backbone=dict(init_cfg=_base_.coco_pose_r50)))
