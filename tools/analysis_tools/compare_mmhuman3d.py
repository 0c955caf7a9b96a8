r"""Compare MMHuman3D's networks under our bridge with MMHuman3D itself.

    python tools/analysis_tools/compare_mmhuman3d.py run OUT.npz
    python tools/analysis_tools/compare_mmhuman3d.py compare A.npz B.npz

``run`` runs the networks with weights and inputs that are generated from their names and a seed: under the
bridge if this project is installed, natively in an environment with MMHuman3D. ``compare`` prints by how much
two such files differ.

This file stands alone, because the native environment has neither this project nor a compiler (mmcv 1.6.1 is
pure Python; torchvision is not needed):

    pip install torch "setuptools<81" wheel "numpy>=2,<3" "opencv-python<5" addict yapf pyyaml packaging \
        pillow einops smplx
    pip install --no-deps --no-build-isolation mmcv==1.6.1 mmhuman3d==0.11.0
"""

import argparse
import sys
import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any

FOCAL_LENGTH = 1000.0  # pixels
DISTANCE, DEPTH = 5.0, 2.0  # meters: distance of HybrIK's pelvis, depth of its volume

# Branches and channels of HRNet-W32, and how PARE combines them.
HRNET_W32: dict[str, Any] = dict(
    stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)),
    stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(4,) * 2, num_channels=(32, 64)),
    stage3=dict(
        num_modules=4, num_branches=3, block='BASIC', num_blocks=(4,) * 3, num_channels=(32, 64, 128)
    ),
    stage4=dict(
        num_modules=3, num_branches=4, block='BASIC', num_blocks=(4,) * 4, num_channels=(32, 64, 128, 256)
    ),
    downsample=False,
    use_conv=True,
    final_conv_kernel=1,
    return_list=False,
)
RESNET_50: dict[str, Any] = dict(type='ResNet', depth=50, out_indices=[3])
PARE_HEAD: dict[str, Any] = dict(
    num_deconv_layers=2,
    num_deconv_filters=[128, 128],
    num_deconv_kernels=[4, 4],
    use_heatmaps='part_segm',
    use_keypoint_attention=True,
    backbone='hrnet_w32-conv',
)

# Backbone, head, options of the head, height and width of the crops.
NETWORKS: dict[str, tuple[dict[str, Any], str, dict[str, Any], tuple[int, int]]] = dict(
    hmr=(RESNET_50, 'HMRHead', {}, (224, 224)),
    cliff=(RESNET_50, 'CliffHead', {}, (256, 192)),
    pare=(dict(type='HRNet', extra=HRNET_W32, norm_eval=False), 'PareHead', PARE_HEAD, (224, 224)),
    hybrik=(dict(type='ResNet', depth=34, out_indices=[3]), 'HybrIKHead', {}, (256, 256)),
)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    commands = parser.add_subparsers(dest='command', required=True)
    runs = commands.add_parser('run', help='run the networks')
    runs.add_argument('out', help='npz file to write')
    runs.add_argument('--seeds', type=int, default=1, help='number of seeds (default: %(default)s)')
    runs.add_argument('--networks', nargs='+', choices=list(NETWORKS), default=list(NETWORKS))
    compares = commands.add_parser('compare', help='compare two files')
    compares.add_argument('files', nargs=2, help='npz files')
    compares.add_argument(
        '--tolerance',
        type=float,
        default=1e-5,
        help='largest allowed relative difference (default: %(default)s)',
    )
    return parser.parse_args()


ARGUMENTS = parse_args() if __name__ == '__main__' else argparse.Namespace()

import numpy as np  # noqa: E402  --help need not wait for it
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402


def noise(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return standard normal numbers, float32, that depend only on a name and a seed."""
    state = np.random.RandomState(zlib.crc32(f'{seed}:{name}'.encode()))
    return state.standard_normal(shape).astype(np.float32)


def tensor_by_rule(name: str, like: Tensor, seed: int) -> Tensor:
    """Generate weights from a tensor's name, scaled to keep activations in range.

    Args:
        name: MMHuman3D's name of the tensor.
        like: Tensor of the wanted shape and type.
        seed: Seed.

    Returns:
        Tensor with the shape and type of ``like``.
    """
    last, shape = name.rsplit('.', 1)[-1], tuple(like.shape)
    if not like.is_floating_point() or last == 'temperature':
        return like
    values = noise(name, shape, seed)
    if last == 'running_var':
        values = 1 + 0.1 * np.abs(values)
    elif last in ('running_mean', 'bias', 'init_shape'):
        values = 0.1 * values
    elif last == 'init_pose':
        values = np.tile(np.array([1, 0, 0, 1, 0, 0], np.float32), 24)[None] + 0.05 * values
    elif last == 'init_cam':
        values = np.array([[0.9, 0, 0]], np.float32)
    else:
        values = 1 + 0.1 * values if len(shape) == 1 else values / np.sqrt(np.prod(shape[1:]))
        if name == 'head.final_layer.weight':
            values = 50 * values  # gives HybrIK's heatmaps peaks
    return torch.from_numpy(np.asarray(values, np.float32).reshape(shape)).to(like.dtype)


def network_inputs(name: str, seed: int) -> tuple[Tensor, Tensor]:
    """Generate crops (2, 3, H, W) and boxes (2, 3) in the encoding that CLIFF takes."""
    images = noise(f'{name}:images', (2, 3, *NETWORKS[name][3]), seed)
    return torch.from_numpy(images), torch.from_numpy(0.5 * noise(f'{name}:boxes', (2, 3), seed))


def native_outputs(name: str, seed: int) -> dict[str, Tensor]:
    """Run a network of MMHuman3D itself.

    Args:
        name: Name of the network.
        seed: Seed.

    Returns:
        ``rotations``, ``betas`` and ``cameras``; for HybrIK ``uvd`` instead of ``cameras``.
    """
    backbone, head_type, options, _ = NETWORKS[name]
    # Some heads require these files; their values are replaced below.
    if head_type in ('HMRHead', 'CliffHead'):
        options = dict(options, feat_dim=2048)
    elif head_type == 'PareHead':
        zeros = np.zeros(144, np.float32)
        options = dict(options, smpl_mean_params=_file(np.savez, pose=zeros, shape=zeros[:10], cam=zeros[:3]))
    else:
        options = dict(options, smpl_mean_params=_file(np.save, arr=np.zeros(10, np.float32)))
    kind, arguments = backbone['type'], {key: value for key, value in backbone.items() if key != 'type'}
    module, cls = dict(ResNet=('resnet', 'ResNet'), HRNet=('hrnet', 'PoseHighResolutionNet'))[kind]
    network = nn.ModuleDict(
        dict(
            backbone=getattr(_native(f'models.backbones.{module}'), cls)(**arguments),
            head=getattr(_native(f'models.heads.{head_type[:-4].lower()}_head'), head_type)(**options),
        )
    ).eval()
    network.load_state_dict(
        {key: tensor_by_rule(key, value, seed) for key, value in network.state_dict().items()}
    )
    images, boxes = network_inputs(name, seed)
    maps = network['backbone'](images)
    if head_type == 'HybrIKHead':
        return _native_hybrik(network['head'], maps[-1], *hybrik_inputs(seed))
    output = network['head'](maps, boxes) if head_type == 'CliffHead' else network['head'](maps)
    return dict(rotations=output['pred_pose'], betas=output['pred_shape'], cameras=output['pred_cam'])


def _native_hybrik(head: nn.Module, feature: Tensor, box: Tensor, rest: Tensor) -> dict[str, Tensor]:
    # Its forward only supports CUDA.
    cuda: Any = torch.cuda
    cuda.FloatTensor = torch.FloatTensor
    cuda.comm.broadcast = lambda tensor, devices: [tensor]
    solve = _native('models.utils.inverse_kinematics').batch_inverse_kinematics_transform
    size = box[:, 2] / 256
    to_image = torch.zeros(2, 2, 3)
    to_image[:, 0, 0] = to_image[:, 1, 1] = size
    to_image[:, :, 2] = box[:, :2] - 128 * size[:, None]
    from_image = torch.diag(torch.tensor([1 / FOCAL_LENGTH, 1 / FOCAL_LENGTH, 1.0])).expand(2, 3, 3)
    found = {}

    def body(pose_skeleton: Tensor, betas: Tensor, phis: Tensor, **_: object) -> dict[str, Tensor]:
        parents, children = kinematic_tree()
        found['rotations'] = solve(pose_skeleton, None, phis, rest.clone(), children, parents)[0]
        nothing = torch.zeros(2, 24, 3)
        return dict(
            vertices=nothing,
            joints=nothing,
            joints_from_verts=nothing[:, :17],
            **found,
            poses=found['rotations'],
        )

    output = head(
        feature,
        to_image,
        from_image,
        torch.tensor([[0.0, 0.0, DISTANCE]]).expand(2, 3),
        torch.full((2, 1), DEPTH),
        body,
    )
    return dict(found, uvd=output['pred_uvd_jts'].reshape(2, 29, 3), betas=output['pred_shape'])


def kinematic_tree() -> tuple[Tensor, Tensor]:
    """Return parents and children of the 29 joints of HybrIK's body model (-1: none)."""
    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    parents += [15, 22, 23, 10, 11]
    children = [parents.index(joint) if joint in parents else -1 for joint in range(29)]
    return torch.tensor(parents), torch.tensor([3, *children[1:]])


def hybrik_inputs(seed: int) -> tuple[Tensor, Tensor]:
    """Generate boxes (2, 3) in pixels and rest skeletons (2, 29, 3) in meters."""
    boxes = torch.tensor([0.0, 0.0, 300.0]) + 50 * torch.from_numpy(noise('hybrik:box', (2, 3), seed))
    return boxes, 0.3 * torch.from_numpy(noise('hybrik:rest', (2, 29, 3), seed))


def _file(save: Callable[..., None], **arrays: np.ndarray) -> BytesIO:
    file = BytesIO()
    save(file, **arrays)
    file.seek(0)
    return file


def _native(name: str) -> ModuleType:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        sys.modules['torchvision'] = ModuleType('torchvision')  # mmcv 1.x imports it to download weights
    return import_module(f'mmhuman3d.{name}')


def bridge_outputs(name: str, seed: int) -> dict[str, Tensor]:
    """Run the same network as a part of our estimator; arguments and result as of ``native_outputs``."""
    import mmroi.models.mmhuman3d  # noqa: F401
    from mmroi.geometry import decode_box
    from mmroi.registry import MODELS

    backbone, head_type, options, _ = NETWORKS[name]
    raw = {} if head_type == 'HybrIKHead' else dict(positive_scale=False)
    model = MODELS.build(
        dict(
            type='mmroi.MeshEstimator',
            body_model=dict(type='mmroi.SMPL'),
            encoder=dict(
                type='mmroi.MultiRoIEncoder',
                backbone=dict(backbone, type=f'mmroi.MMHuman3D{backbone["type"]}'),
            ),
            head=dict(type=f'mmroi.MMHuman3D{head_type}', **raw, **options),
        )
    ).eval()
    model.load_state_dict(
        {
            key: tensor_by_rule(key.removeprefix('encoder.'), value, seed)
            for key, value in model.state_dict().items()
        }
    )
    images, boxes = network_inputs(name, seed)
    if head_type == 'HybrIKHead':
        feature = model.encoder.extract_maps(images[:, None])[-1]
        return _bridge_hybrik(model.head, feature, *hybrik_inputs(seed))
    focal_length = torch.full((2,), FOCAL_LENGTH, dtype=torch.float64)
    scale = getattr(model.head, 'box_scale', 1.0)  # CLIFF's boxes and cameras refer to the width of the crops
    size = torch.tensor([1.0, 1.0, scale], dtype=torch.float64)
    output = model.regress(
        images[:, None], decode_box(boxes[:, None].double(), focal_length) / size, focal_length
    )
    cameras = output['cameras'][:, 0] / output['cameras'].new_tensor([scale, 1.0, 1.0])
    return dict(rotations=output['rotations'], betas=output['betas'], cameras=cameras)


def _bridge_hybrik(head: Any, feature: Tensor, box: Tensor, rest: Tensor) -> dict[str, Tensor]:
    from mmroi.models.mmhuman3d.hybrik_head import back_project

    uvd = head.locate(feature)
    betas, twist = head.shape_and_twist(feature)
    points = back_project(
        uvd,
        box.double(),
        torch.full((2,), FOCAL_LENGTH, dtype=torch.float64),
        torch.full((2,), DISTANCE),
        DEPTH,
    )
    rotations = head.inverse_kinematics((points - points[:, :1]).float(), twist, rest)
    return dict(rotations=rotations, uvd=uvd, betas=betas)


@torch.no_grad()
def run(seeds: int, native: bool, names: tuple[str, ...] = tuple(NETWORKS)) -> dict[str, np.ndarray]:
    """Run networks.

    Args:
        seeds: Number of seeds.
        native: Run MMHuman3D itself instead of the bridge.
        names: Names of the networks.

    Returns:
        Arrays by ``<network>/<seed>/<output>``.
    """
    outputs = native_outputs if native else bridge_outputs
    return {
        f'{name}/{seed}/{key}': value.numpy()
        for name in names
        for seed in range(seeds)
        for key, value in outputs(name, seed).items()
    }


def compare(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return each array's largest difference relative to its largest number; infinite if it is missing."""
    return {
        name: float(np.abs(a[name] - b[name]).max() / np.abs(a[name]).max())
        if name in a and name in b and a[name].shape == b[name].shape
        else float('inf')
        for name in sorted({*a, *b})
    }


def main(args: argparse.Namespace) -> None:
    """Run or compare."""
    if args.command == 'run':
        import mmcv

        native = mmcv.__version__.startswith('1.')
        print(
            f'MMHuman3D {"natively" if native else "under the bridge"}, mmcv {mmcv.__version__}, '
            f'torch {torch.__version__}'
        )
        arrays: dict[str, Any] = run(args.seeds, native, tuple(args.networks))
        np.savez_compressed(args.out, **arrays)
        print(f'wrote {args.out}')
        return
    differences = compare(*(dict(np.load(file)) for file in args.files))
    for name, difference in differences.items():
        print(f'{name:24} {difference:.3g}')
    if max(differences.values()) > args.tolerance:
        sys.exit(f'error: they differ by more than {args.tolerance}')


if __name__ == '__main__':
    main(ARGUMENTS)
