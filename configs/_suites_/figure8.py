# Figure 8: MPJPE over the epochs. The figure is a plot; only the number of RAF is printed, in the tables.
title = 'Figure 8: RoI-aware fusion and self-attention'
paper_data = 'trained on COCO, tested on 3DPW'
rows = [
    dict(
        name='full',
        label='RAF',
        config='ablation/multi-roi_r50_coco.py',
        paper={'MPJPE': 80.8, 'PA-MPJPE': 51.9},
    ),
    dict(name='self-attention', label='self-attention', config='ablation/figure8_self-attention.py'),
]
