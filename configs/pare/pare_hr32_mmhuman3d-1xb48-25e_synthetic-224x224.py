# MMHuman3D's PARE under our data, losses, schedule and metric.
_base_ = [
    '../_base_/models/pare_hr32_mmhuman3d.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adam_25e.py',
    '../_base_/default_runtime.py',
]
