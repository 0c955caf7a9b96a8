_base_ = ['./cliff_r50.py', './movenet.py']

model = dict(**_base_.movenet)
