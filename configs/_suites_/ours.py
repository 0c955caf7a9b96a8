# Where this project had to choose, and what the paper's supplement asks: a choice against its alternatives.
title = 'Choices of our own'
paper_data = 'trained on COCO, tested on 3DPW'
note = (
    'The default: cameras in the frame of the base box, which see their own box; L_cam of the logarithm '
    'of the scale; the mesh sees all '
    'boxes; one mesh for all RoIs; an exact encoding; the set scorer; fixed RoIs. Of random RoIs the '
    'supplement says that they are worse.'
)
rows = [
    dict(
        name='full',
        label='default',
        config='ablation/multi-roi_r50_coco.py',
        paper={'MPJPE': 80.8, 'PA-MPJPE': 51.9},
    ),
    dict(
        name='camera-frame_own',
        label="cameras of the RoIs' own boxes",
        config='ablation/ours_camera-frame_own.py',
    ),
    dict(
        name='camera-loss_pixels-1e-8',
        label="L_cam's scale in pixels, 1e-8 on the square (released code)",
        config='ablation/ours_camera-loss_pixels-1e-8.py',
    ),
    dict(
        name='camera-loss_as-printed',
        label="L_cam's scale in pixels, 1e-4 on the square (as printed)",
        config='ablation/ours_camera-loss_as-printed.py',
    ),
    dict(
        name='camera-frame_own_as-printed',
        label="cameras of the RoIs' own boxes, L_cam as printed",
        config='ablation/ours_camera-frame_own_as-printed.py',
    ),
    dict(name='camera-boxes_all', label='cameras see all boxes', config='ablation/ours_camera-boxes_all.py'),
    dict(name='camera-boxes_none', label='cameras see no box', config='ablation/ours_camera-boxes_none.py'),
    dict(name='mesh-boxes_base', label='mesh sees the base box', config='ablation/ours_mesh-boxes_base.py'),
    dict(name='mesh-boxes_none', label='mesh sees no box', config='ablation/ours_mesh-boxes_none.py'),
    dict(name='mesh_per-roi', label='a mesh for each RoI', config='ablation/ours_mesh_per-roi.py'),
    dict(name='encoding_float32', label='encoding in float32', config='ablation/ours_encoding_float32.py'),
    dict(name='fusion_as-printed', label='fusion as printed', config='ablation/ours_fusion_as-printed.py'),
    dict(name='random', label='random RoIs', config='ablation/rois_random.py'),
]
