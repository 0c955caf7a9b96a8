# The method beside its baselines, in the same training. The numbers beside are those of published
# checkpoints, which were trained elsewhere, on other mixtures and schedules.
title = 'Multi-RoI and its baselines, ResNet-50'
paper_data = 'published checkpoints: other mixtures and schedules than here; tested on 3DPW'
note = (
    "MMHuman3D's heads come through the bridge to it. They see one RoI, so that there is no spread, and "
    'keep their own width and dropout on small networks.'
)
rows = [
    dict(name='hmr', label='HMR', config='hmr/hmr_r50_mixture.py'),
    dict(name='hmr_mmhuman3d', label="HMR, MMHuman3D's head", config='hmr/hmr_r50_mmhuman3d_mixture.py'),
    dict(
        name='cliff',
        label='CLIFF',
        config='cliff/cliff_r50_mixture.py',
        paper={'MPJPE': 72.0, 'PA-MPJPE': 45.7, 'PVE': 85.3},
    ),
    dict(
        name='cliff_mmhuman3d', label="CLIFF, MMHuman3D's head", config='cliff/cliff_r50_mmhuman3d_mixture.py'
    ),
    dict(
        name='release',
        label="Multi-RoI, form of the authors' code",
        config='multi_roi/multi-roi_r50_release-form_mixture.py',
        paper={'MPJPE': 68.3, 'PA-MPJPE': 43.2},
    ),
    dict(name='multi-roi', label='Multi-RoI', config='multi_roi/multi-roi_r50_mixture.py'),
]
