# Not in the paper: CLIFF on each of the five RoIs, averaged. It costs the encoder as much as Multi-RoI.
_base_ = './cliff_r50_1xb48-25e_mixture-256x192.py'

num_rois = 5
model = dict(num_rois=num_rois, average_meshes=True)
