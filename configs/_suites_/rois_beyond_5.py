# Table 4 goes on: the paper had no memory for more than five RoIs.
title = 'More than five RoIs'
paper_data = 'trained on COCO, tested on 3DPW'
columns = ['L_2D', 'fps']
note = 'The camera spread is taken over all M RoIs of a row, so it is not over the same RoIs in all rows.'
rows = [
    dict(
        name='full',
        label='M = 5',
        config='ablation/multi-roi_r50_coco.py',
        paper={'MPJPE': 80.8, 'PA-MPJPE': 51.9, 'L_2D': 2.4, 'fps': 55.6},
    ),
    dict(name='m6', label='M = 6', config='ablation/rois_m6.py'),
    dict(name='m7', label='M = 7', config='ablation/rois_m7.py'),
    dict(name='m8', label='M = 8', config='ablation/rois_m8.py'),
    dict(name='m9', label='M = 9', config='ablation/rois_m9.py'),
]
