"""Published networks that can be converted: the names of their tensors and the configs that run them.

Sources: CLIFF (https://github.com/huawei-noah/noah-research/tree/master/CLIFF), Multi-RoI
(https://github.com/CptDiaos/Multi-RoI), SPIN (https://github.com/nkolot/SPIN), MMHuman3D
(https://github.com/open-mmlab/mmhuman3d).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from mmroi.utils.choices import CHECKPOINTS

# Pairs (prefix in the file, prefix in mmroi); the first match applies.
Renaming = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PublishedNetwork:
    """One kind of published checkpoint.

    Attributes:
        title: Description for messages.
        config: The config that runs it, relative to the checkout.
        signature: Names and shapes that identify it; no other kind has all of them.
        renaming: Prefixes of its names and of ours.
        start: Names of the initial pose, shape and camera of the regressor, in this order, which mmroi joins
            in one tensor. Empty if the head keeps them as they are.
        dropped: Reasons to drop tensors, by prefix of the name.
        published: Results on 3DPW by file name, as reported by the authors.
    """

    title: str
    config: str
    signature: Mapping[str, tuple[int, ...]]
    renaming: Renaming
    start: tuple[str, ...] = ('init_pose', 'init_shape', 'init_cam')
    dropped: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)

    def our_name(self, name: str) -> str:
        """Return our name for a tensor of the file, or the same name if it is unknown."""
        return next(
            (ours + name[len(theirs) :] for theirs, ours in self.renaming if name.startswith(theirs)), name
        )

    def their_names(self, name: str) -> tuple[str, ...]:
        """Return the names of our tensor in the file; a single note if the file has no such tensor."""
        if name == START:
            return self.start
        for theirs, ours in self.renaming:
            if name.startswith(ours):
                return (theirs + name[len(ours) :],)
        return (f'{name} (only in the model)',)


START = 'head.regressor.initial'
REGRESSOR: Renaming = (
    ('fc1.', 'head.regressor.fc1.'),
    ('fc2.', 'head.regressor.fc2.'),
    ('decpose.', 'head.regressor.decoders.pose6d.'),
    ('decshape.', 'head.regressor.decoders.betas.'),
    ('deccam.', 'head.regressor.decoders.camera.'),
)
RESNET: Renaming = tuple(
    (name, f'encoder.backbone.{name}')
    for name in ('conv1.', 'bn1.', 'layer1.', 'layer2.', 'layer3.', 'layer4.')
)
# The last branch already has the coarsest resolution.
STRIDED_HRNET: Renaming = (
    *((f'backbone.downsample_stage_{i + 1}.', f'encoder.neck.branches.{i}.') for i in range(3)),
    ('backbone.', 'encoder.backbone.'),
)
CLASSIFICATION_HRNET: Renaming = (
    *(
        (f'encoder.{name}.', f'encoder.neck.{name}.')
        for name in ('incre_modules', 'downsamp_modules', 'final_layer')
    ),
    ('encoder.', 'encoder.backbone.'),
)
MULTI_ROI: Renaming = (
    # Rounded constants that the weights were trained with.
    ('pos_enc._freqs', 'fusion.encoding.freqs'),
    ('pos_enc._phases', 'fusion.encoding.phases'),
    ('fuse_fc.', 'fusion.pair_fc.'),
    ('attention.', 'fusion.set_mlp.'),
    ('proj_head.', 'projector.layers.'),
)
MMHUMAN3D: Renaming = (
    ('backbone.', 'encoder.backbone.'),
    *((f'head.{name}', ours) for name, ours in REGRESSOR),
)

# The adapters of MMHuman3D's heads keep its names.
MMHUMAN3D_ADAPTER: Renaming = (('backbone.', 'encoder.backbone.'), ('head.', 'head.'))

HEATMAPS = {'backbone.final_layer.': '2D heatmaps of the pre-training, unused by the network'}
ONLY_MMHUMAN3D = {
    'body_model_train.': 'body model; ours comes from its own file',
    'body_model_test.': 'body model; ours comes from its own file',
    'disc.': 'discriminator, used in training only',
    'registrant.': 'body fitting, used in training only',
}

# Inputs of fc1: the feature, the boxes, and 157 = 144 + 10 + 3 values of pose, shape and camera.
PUBLISHED = {
    'huawei_cliff_res50': PublishedNetwork(
        title=CHECKPOINTS['huawei_cliff_res50'],
        config='configs/cliff/cliff_r50_published-1xb48-5e_pw3d-256x192.py',
        signature={'encoder.layer4.2.conv3.weight': (2048, 512, 1, 1), 'fc1.weight': (1024, 2048 + 3 + 157)},
        renaming=REGRESSOR + (('encoder.', 'encoder.backbone.'),),
        published={
            'res50-PA45.7_MJE72.0_MVE85.3_3dpw.pt': 'MPJPE 72.0, PA-MPJPE 45.7, PVE 85.3 mm',
        },
    ),
    'huawei_cliff_hr48': PublishedNetwork(
        title=CHECKPOINTS['huawei_cliff_hr48'],
        config='configs/cliff/cliff_hr48_cls-published-1xb20-5e_pw3d-256x192.py',
        signature={
            'encoder.incre_modules.3.0.conv3.weight': (1024, 256, 1, 1),
            'encoder.stage4.2.branches.0.3.conv2.weight': (48, 48, 3, 3),
            'fc1.weight': (1024, 2048 + 3 + 157),
        },
        renaming=REGRESSOR + CLASSIFICATION_HRNET,
        published={
            'hr48-PA43.0_MJE69.0_MVE81.2_3dpw.pt': 'MPJPE 69.0, PA-MPJPE 43.0, PVE 81.2 mm',
        },
    ),
    'cliff_r50': PublishedNetwork(
        title=CHECKPOINTS['cliff_r50'],
        config='configs/cliff/cliff_r50_published-1xb48-5e_pw3d-256x192.py',
        signature={'layer4.2.conv3.weight': (2048, 512, 1, 1), 'fc1.weight': (1024, 2048 + 3 + 157)},
        renaming=REGRESSOR + RESNET,
    ),
    'cliff_hr48': PublishedNetwork(
        title=CHECKPOINTS['cliff_hr48'],
        config='configs/cliff/cliff_hr48_published-1xb20-5e_pw3d-256x192.py',
        signature={
            'backbone.downsample_stage_1.0.weight': (48, 48, 3, 3),
            'fc1.weight': (1024, 720 + 3 + 157),
        },
        renaming=REGRESSOR + STRIDED_HRNET,
        dropped=HEATMAPS,
    ),
    'multi_roi_r50': PublishedNetwork(
        title=CHECKPOINTS['multi_roi_r50'],
        config='configs/multi_roi/multi-roi_r50_published-1xb48-5e_pw3d-256x192.py',
        signature={
            'layer4.2.conv3.weight': (2048, 512, 1, 1),
            'fuse_fc.weight': (256, 2048 + 195),
            'fc1.weight': (2048, 2048 + 5 * 3 + 157),
        },
        renaming=REGRESSOR + MULTI_ROI + RESNET,
        published={'previous_*_68.3_43.2.pt': 'MPJPE 68.3, PA-MPJPE 43.2 mm'},
    ),
    'multi_roi_hr48': PublishedNetwork(
        title=CHECKPOINTS['multi_roi_hr48'],
        config='configs/multi_roi/multi-roi_hr48_published-1xb20-5e_pw3d-256x192.py',
        signature={
            'backbone.downsample_stage_1.0.weight': (48, 48, 3, 3),
            'fuse_fc.weight': (256, 720 + 195),
            'fc1.weight': (2048, 720 + 5 * 3 + 157),
        },
        renaming=REGRESSOR + MULTI_ROI + STRIDED_HRNET,
        dropped=HEATMAPS,
        published={'previous_*_64.9_40.8.pt': 'MPJPE 64.9, PA-MPJPE 40.8 mm'},
    ),
    'spin': PublishedNetwork(
        title=CHECKPOINTS['spin'],
        config='configs/hmr/hmr_r50_published-1xb48-5e_pw3d-224x224.py',
        signature={'layer4.2.conv3.weight': (2048, 512, 1, 1), 'fc1.weight': (1024, 2048 + 157)},
        renaming=REGRESSOR + RESNET,
    ),
    'mmhuman3d_hmr': PublishedNetwork(
        title=CHECKPOINTS['mmhuman3d_hmr'],
        config='configs/hmr/hmr_r50_published-1xb48-5e_pw3d-224x224.py',
        signature={
            'backbone.layer4.2.conv3.weight': (2048, 512, 1, 1),
            'head.fc1.weight': (1024, 2048 + 157),
        },
        renaming=MMHUMAN3D,
        start=('head.init_pose', 'head.init_shape', 'head.init_cam'),
        dropped=ONLY_MMHUMAN3D,
        published={'resnet50_hmr_pw3d-04f40f58_20211201.pth': 'MPJPE 112.34, PA-MPJPE 67.53 mm'},
    ),
    'mmhuman3d_cliff': PublishedNetwork(
        title=CHECKPOINTS['mmhuman3d_cliff'],
        config='configs/cliff/cliff_r50_mmhuman3d-published-1xb48-5e_pw3d-256x192.py',
        signature={
            'backbone.layer4.2.conv3.weight': (2048, 512, 1, 1),
            'head.fc1.weight': (1024, 2048 + 3 + 157),
        },
        renaming=MMHUMAN3D,
        start=('head.init_pose', 'head.init_shape', 'head.init_cam'),
        dropped=ONLY_MMHUMAN3D,
        published={
            'resnet50_cliff-8328e2e2_20230327.pth': 'MPJPE 76.49, PA-MPJPE 48.65 mm',
            'resnet50_cliff_new-1e639f1d_20230327.pth': 'MPJPE 75.08, PA-MPJPE 47.38 mm',
        },
    ),
    'mmhuman3d_pare': PublishedNetwork(
        title=CHECKPOINTS['mmhuman3d_pare'],
        config='configs/pare/pare_hr32_mmhuman3d-published-1xb48-5e_pw3d-224x224.py',
        signature={
            'backbone.stage4.2.branches.0.3.conv2.weight': (32, 32, 3, 3),
            'head.keypoint_final_layer.weight': (25, 128, 1, 1),
            'head.pose_mlp.weight': (1, 6, 128, 24, 1, 1),
        },
        renaming=MMHUMAN3D_ADAPTER,
        start=(),
        dropped=ONLY_MMHUMAN3D,
        published={
            'hrnet_w32_conv_pare_mosh.pth': 'MPJPE 81.79, PA-MPJPE 49.35 mm',
            'hrnet_w32_conv_pare.pth': 'MPJPE 81.81, PA-MPJPE 50.78 mm',
        },
    ),
    'mmhuman3d_hybrik': PublishedNetwork(
        title=CHECKPOINTS['mmhuman3d_hybrik'],
        config='configs/hybrik/hybrik_r34_mmhuman3d-published-1xb16-5e_pw3d-256x256.py',
        signature={
            'backbone.layer4.2.conv2.weight': (512, 512, 3, 3),
            'head.final_layer.weight': (29 * 64, 256, 1, 1),
            'head.decphi.weight': (46, 1024),
        },
        renaming=MMHUMAN3D_ADAPTER,
        start=(),
        dropped={'smpl.': 'body model; ours comes from its own file'},
        published={'resnet34_hybrik_mixed-a61b3c9c_20220211.pth': 'MPJPE 81.08, PA-MPJPE 49.02 mm'},
    ),
}


def find_kind(state_dict: Mapping[str, Tensor]) -> str:
    """Find which published network a checkpoint belongs to.

    Args:
        state_dict: Tensors of the checkpoint.

    Returns:
        Key of ``PUBLISHED``.

    Raises:
        ValueError: If it belongs to none of them; the message names the closest one.
    """
    shapes = {name: tuple(value.shape) for name, value in state_dict.items()}
    alike = []
    for kind, network in PUBLISHED.items():
        if all(shapes.get(name) == shape for name, shape in network.signature.items()):
            return kind
        if network.signature.keys() <= shapes.keys():
            alike.append(kind)
    if START in shapes:
        raise ValueError('it already is a checkpoint of mmroi; use it without conversion')
    if not alike:
        raise ValueError(
            f'its tensors ({len(shapes)}: {", ".join(list(shapes)[:3])}, ...) match no known network; '
            f'known are {", ".join(PUBLISHED)}'
        )
    # A longer signature is more specific: Multi-RoI has all names of CLIFF.
    nearest = max(alike, key=lambda kind: len(PUBLISHED[kind].signature))
    differences = [
        f'{name} is {shapes[name]} instead of {shape}'
        for name, shape in PUBLISHED[nearest].signature.items()
        if shapes[name] != shape
    ]
    raise ValueError(
        f'it has the names of {PUBLISHED[nearest].title}, but {" and ".join(differences)}; if it is this '
        f'network in another size, pass the kind {nearest} and a config that builds it'
    )
