# Table 1: Multi-RoI against other methods. The rows without a config are only quoted.
title = 'Table 1: Multi-RoI and others, HRNet-W48'
paper_data = 'four data sets, then the training set of 3DPW; tested on 3DPW'
note = 'Its columns for Human3.6M are left out.'
rows = [
    dict(name='fastmetro', label='FastMETRO-H64', paper={'MPJPE': 73.5, 'PA-MPJPE': 44.6, 'PVE': 84.1}),
    dict(name='pymaf-x', label='PyMAF-X-H48', paper={'MPJPE': 74.2, 'PA-MPJPE': 45.3, 'PVE': 87.0}),
    dict(name='niki', label='NIKI-H48', paper={'MPJPE': 71.3, 'PA-MPJPE': 40.6, 'PVE': 86.6}),
    dict(name='bopr', label='BoPR-H48', paper={'MPJPE': 65.4, 'PA-MPJPE': 42.5, 'PVE': 80.8}),
    dict(name='refit', label='ReFit-H48', paper={'MPJPE': 65.8, 'PA-MPJPE': 41.0}),
    dict(
        name='cliff',
        label='CLIFF-H48',
        config='cliff/cliff_hr48_mixture.py',
        finetune='cliff/cliff_hr48_pw3d-finetune.py',
        paper={'MPJPE': 69.0, 'PA-MPJPE': 43.0, 'PVE': 81.2},
    ),
    dict(
        name='multi-roi',
        label='Multi-RoI-H48',
        config='multi_roi/multi-roi_hr48_mixture.py',
        finetune='multi_roi/multi-roi_hr48_pw3d-finetune.py',
        paper={'MPJPE': 64.1, 'PA-MPJPE': 40.4, 'PVE': 78.6},
    ),
]
