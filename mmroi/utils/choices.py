"""Words that options of tools choose from, and defaults that their help texts name.

They are here, and not beside the code that they choose, because the help text of a tool must not wait for
torch. The keys of tables elsewhere are compared with them by the tests.
"""

from typing import Literal

OPEN = 'open'
"""Stands for the open body where the path of a body model is expected."""

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
"""Launchers of distributed runs, as in MMEngine."""

PRECISIONS = ('fp32', 'bf16', 'auto')
"""Precisions of the encoder in a test or a prediction."""

KeypointSource = Literal['crop', 'detector']
KEYPOINT_SOURCES: tuple[KeypointSource, ...] = ('crop', 'detector')
"""Which 2D keypoints refinement takes: those found in the person's box, or the detector's own."""

MESHES = ('glb', 'obj', 'ply')
MOTIONS = ('anim', 'bvh', 'smpl')
SAVES = ('json', 'npz', 'vertices', 'overlay', 'keypoints', 'views', *MESHES, *MOTIONS, 'coco', 'viewer')
"""Kinds of files of results: all, the mesh files, and those of a person's motion."""

PROTOCOLS = ('3dpw', '3dpw_mmhuman3d', 'h36m_p1', 'h36m_p2', 'mpi_inf_3dhp', 'synthetic')
"""Names of :data:`mmroi.evaluation.PROTOCOLS`."""

GROUND_TRUTHS = ('dataset', 'smpl')
"""What a protocol with a choice compares with: joints of the dataset, or of its SMPL labels."""

LIKELIHOODS = ('laplace', 'gaussian')
"""Distributions of the errors that an uncertainty head is trained for."""

MOVENETS = ('thunder', 'lightning', 'multipose')
"""Variants of :class:`mmroi.models.MoveNetBackbone`."""

PRESETS = ('easy', 'frontal', 'full', 'natural')
"""Presets of the synthetic studio."""

EXPORT_FORMATS = {'onnx': '.onnx', 'torch-export': '.pt2'}
"""Formats of exported networks, with their suffixes."""

EXPORT_TOLERANCES = dict(fp32=1e-4, fp16=0.05, int8=1.0)
"""Precisions of exported networks, with the largest difference to PyTorch in float32."""

EAGER = 'eager'
MODES = ('channels_last', 'folded', 'compiled', 'cuda-graphs')
"""Ways to run a network that are measured: as it is, and with one or more of these changes."""

TRAINING_OPTIONS = ('amp', 'channels_last', 'with_cp')
"""Changes to a training that are measured."""

NUMERICS = ('fp32', 'tf32', 'bf16')
"""Precisions that are compared with float32 on the CPU."""

REPORT_SUFFIXES = ('.json', '.csv')
"""Files of the results of every person."""

CHECKPOINTS = {
    'huawei_cliff_res50': "the CLIFF authors' CLIFF with ResNet-50",
    'huawei_cliff_hr48': "the CLIFF authors' CLIFF with HRNet-W48 (classification form)",
    'cliff_r50': "the Multi-RoI authors' CLIFF with ResNet-50",
    'cliff_hr48': "the Multi-RoI authors' CLIFF with HRNet-W48",
    'multi_roi_r50': "the Multi-RoI authors' Multi-RoI with ResNet-50",
    'multi_roi_hr48': "the Multi-RoI authors' Multi-RoI with HRNet-W48",
    'spin': 'SPIN',
    'mmhuman3d_hmr': "MMHuman3D's HMR (or its SPIN, the same network)",
    'mmhuman3d_cliff': "MMHuman3D's CLIFF",
    'mmhuman3d_pare': "MMHuman3D's PARE with HRNet-W32",
    'mmhuman3d_hybrik': "MMHuman3D's HybrIK with ResNet-34",
}
"""Kinds of published checkpoints that can be converted, with titles: keys of :data:`mmroi.apis.PUBLISHED`."""

DATASETS = ('bedlam', 'coco', 'h36m', 'lspet', 'mpi_inf_3dhp', 'mpii', 'pw3d', 'spin')
"""Names of the converters of this project, in :data:`mmroi.registry.CONVERTERS`."""

VIEWER_FRAMES = 30
"""Maximum number of images in the viewer, unless the user says another."""

DEFAULT_MODEL = 'multi-roi_movenet_1xb64-30e_synthetic-256x192'
"""Model of the demo."""

MATCH_IOU = 0.5
"""Overlap from which a detected box is that of an annotated person."""

PCK_THRESHOLDS = (0.05, 0.1, 0.2)
"""Distances up to which a keypoint counts as correct, fractions of the longer side of the box."""

VIS_BACKENDS = ('tensorboard', 'wandb', 'mlflow', 'clearml')
"""Names of :data:`mmroi.engine.vis_backends.BACKENDS`."""
