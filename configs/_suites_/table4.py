# Table 4: the number of RoIs.
title = 'Table 4: number of RoIs'
paper_data = 'trained on COCO, tested on 3DPW'
columns = ['L_2D', 'fps']
rows = [
    dict(
        name='m1',
        label='M = 1',
        config='ablation/table4_m1.py',
        paper={'MPJPE': 84.6, 'PA-MPJPE': 54.2, 'L_2D': 1.6, 'fps': 76.3},
    ),
    dict(
        name='m2',
        label='M = 2',
        config='ablation/table4_m2.py',
        paper={'MPJPE': 82.9, 'PA-MPJPE': 54.4, 'L_2D': 1.8, 'fps': 63.5},
    ),
    dict(
        name='m3',
        label='M = 3',
        config='ablation/table4_m3.py',
        paper={'MPJPE': 81.2, 'PA-MPJPE': 52.3, 'L_2D': 1.9, 'fps': 61.7},
    ),
    dict(
        name='m4',
        label='M = 4',
        config='ablation/table4_m4.py',
        paper={'MPJPE': 82.2, 'PA-MPJPE': 53.1, 'L_2D': 2.3, 'fps': 57.3},
    ),
    dict(
        name='full',
        label='M = 5',
        config='ablation/multi-roi_r50_coco.py',
        paper={'MPJPE': 80.8, 'PA-MPJPE': 51.9, 'L_2D': 2.4, 'fps': 55.6},
    ),
]
