# For the converted checkpoints of SPIN and of MMHuman3D's HMR.
_base_ = './hmr_r50_finetune-1xb48-5e_pw3d-256x192.py'

# The scale as the network gives it; published networks do not keep it positive.
model = dict(head=dict(positive_scale=False))
load_from = None

crop_size = (224, 224)
