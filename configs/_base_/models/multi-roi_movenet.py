_base_ = ['./multi-roi_r50.py', './movenet.py']

model = dict(**_base_.movenet)
