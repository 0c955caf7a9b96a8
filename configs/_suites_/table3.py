# Table 3: what the fusion sees of the boxes.
title = 'Table 3: position beside the features in the fusion'
paper_data = 'trained on COCO, tested on 3DPW'
rows = [
    dict(
        name='none',
        label='h ⊕ NULL',
        config='ablation/table3_none.py',
        paper={'MPJPE': 98.7, 'PA-MPJPE': 56.9},
    ),
    dict(
        name='absolute_l32',
        label='h ⊕ γ(B), L = 32',
        config='ablation/table3_absolute_l32.py',
        paper={'MPJPE': 87.6, 'PA-MPJPE': 55.0},
    ),
    dict(
        name='relative_l0',
        label='h ⊕ γ_m*, L = 0',
        config='ablation/table3_relative_l0.py',
        paper={'MPJPE': 81.6, 'PA-MPJPE': 52.9},
    ),
    dict(
        name='full',
        label='h ⊕ γ_m*, L = 32',
        config='ablation/multi-roi_r50_coco.py',
        paper={'MPJPE': 80.8, 'PA-MPJPE': 51.9},
    ),
    dict(
        name='relative_l64',
        label='h ⊕ γ_m*, L = 64',
        config='ablation/table3_relative_l64.py',
        paper={'MPJPE': 81.1, 'PA-MPJPE': 52.3},
    ),
]
