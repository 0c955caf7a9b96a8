# The paper's datasets in MMHuman3D's layout: annotations data/preprocessed_datasets/*.npz, images
# data/datasets/<name>/ (docs/data.md). Evaluated on 3DPW's test set, unless a config says otherwise. Boxes in
# these files have a margin of 1.2, in MMHuman3D's as in ours.
_base_ = './common.py'

data_root = 'data/'
# Labels are parameters of SMPL, which mean different shapes on the open body. Datasets derive missing
# keypoints from it, and top-level configs give it to their model. One switch for all of them: tools/train.py
# CONFIG --body-model PATH|open (docs/body_models.md).
body_model = dict(type='SMPL', model_path='data/body_models/smpl')

h36m = dict(
    type='HumanImageDataset',
    dataset_name='h36m',
    ann_file='preprocessed_datasets/h36m_mosh_train.npz',
    data_prefix=dict(img_path='datasets/h36m'),
    box_margin=1.2,
    body_model=body_model,
)
mpi_inf_3dhp = dict(
    type='HumanImageDataset',
    dataset_name='mpi_inf_3dhp',
    ann_file='preprocessed_datasets/mpi_inf_3dhp_train.npz',
    data_prefix=dict(img_path='datasets/mpi_inf_3dhp'),
    box_margin=1.2,
    body_model=body_model,
)
# Pseudo-labels of CLIFF's annotator. Their boxes are its crops, which are square in MMHuman3D's files.
coco = dict(
    type='HumanImageDataset',
    dataset_name='coco',
    ann_file='preprocessed_datasets/cliff_coco_train.npz',
    data_prefix=dict(img_path='datasets/coco'),
    box_margin=1.2,
    body_model=body_model,
    crop_boxes=True,
)
mpii = dict(
    type='HumanImageDataset',
    dataset_name='mpii',
    ann_file='preprocessed_datasets/cliff_mpii_train.npz',
    data_prefix=dict(img_path='datasets/mpii'),
    box_margin=1.2,
    body_model=body_model,
    crop_boxes=True,
)
pw3d = dict(
    type='HumanImageDataset',
    dataset_name='pw3d',
    ann_file='preprocessed_datasets/pw3d_train.npz',
    data_prefix=dict(img_path='datasets/pw3d'),
    box_margin=1.2,
    body_model=body_model,
)

val_dataloader = dict(
    dataset=dict(
        type='HumanImageDataset',
        dataset_name='pw3d',
        data_root=data_root,
        ann_file='preprocessed_datasets/pw3d_test.npz',
        data_prefix=dict(img_path='datasets/pw3d'),
        box_margin=1.2,
        pipeline=_base_.test_pipeline,
        test_mode=True,
        body_model=body_model,
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(type='MeshMetric', protocol='3dpw', body_model=body_model)
test_evaluator = val_evaluator
