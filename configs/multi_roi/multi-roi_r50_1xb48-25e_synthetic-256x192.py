_base_ = [
    '../_base_/models/multi-roi_r50.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adam_25e.py',
    '../_base_/default_runtime.py',
]
