"""MMHuman3D's HybrIK: joints from a heatmap of the crop's volume, and pose by inverse kinematics."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.compat import mmhuman3d
from mmroi.geometry.cameras import full_to_local
from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.volume_loss import HYBRIK_JOINTS
from mmroi.models.mmhuman3d.adapter import HeadAdapter
from mmroi.registry import MODELS
from mmroi.structures import SMPL_PARENTS

_hybrik, _kinematics = mmhuman3d.load('models.heads.hybrik_head', 'models.utils.inverse_kinematics')
_HybrIKHead: Any = _hybrik.HybrIKHead

# The tips belong to the head, the hands and the feet.
PARENTS = [*SMPL_PARENTS, 15, 22, 23, 10, 11]
# A joint is rotated by the bone to its first child; the pelvis, by the bone to the spine.
CHILDREN = [3, *(PARENTS.index(joint) if joint in PARENTS else -1 for joint in range(1, 29))]

# How large a person may be in the crop, as scales of its weak-perspective camera.
SCALES = (0.2, 4.0)


@MODELS.register_module(name='MMHuman3DHybrIKHead')
class HybrIKHead(HeadAdapter, _HybrIKHead):
    """HybrIK (Li et al., CVPR 2021) with MMHuman3D's layers and its inverse kinematics.

    Departures from MMHuman3D, whose ``forward`` runs on CUDA alone and reads the pelvis's distance from the
    label, also in evaluation:

    * The distance is where the bones between the joints have, all together, the lengths of the predicted
      shape (:func:`pelvis_depth`). No label is needed, and the head returns a camera.
    * The top of the head is ``headtop`` of J_regressor_extra instead of vertex 411, which is there only in
      SMPL's own mesh.
    * Training also uses the adaptive inverse kinematics; the naive one needs pytorch3d. No gradient flows
      through the rest skeleton.

    Args:
        in_channels: Channels of the encoder's last map; MMHuman3D's ``feature_channel``.
        depth: Depth of the volume in meters; MMHuman3D's ``depth_factor``.
        **options: Further arguments of MMHuman3D's class.
    """

    outputs = ('rotations', 'betas', 'cameras', 'uvd')
    rest: Tensor
    rest_by_betas: Tensor

    def __init__(self, in_channels: int = 512, depth: float = 2.0, **options: Any) -> None:
        mean_shape = BytesIO()
        np.save(mean_shape, np.zeros(10, np.float32))
        mean_shape.seek(0)
        super().__init__(feature_channel=in_channels, smpl_mean_params=mean_shape, **options)
        self._initialize()
        self.in_channels = in_channels
        self.depth = depth
        self.register_buffer('rest', torch.zeros(29, 3), persistent=False)
        self.register_buffer('rest_by_betas', torch.zeros(29, 3, 10), persistent=False)
        self.register_buffer('kinematic_tree', torch.tensor([PARENTS, CHILDREN]), persistent=False)
        self.adopt_body(SMPL())

    def adopt_body(self, body_model: SMPL) -> None:
        """Copy the body model's mean shape, and its skeleton in the rest pose as a function of the shape.

        Args:
            body_model: The body model of the estimator.
        """
        # Joints at rest are linear in betas.
        betas = torch.cat([torch.zeros(1, 10), torch.eye(10)]).to(body_model.mean_betas.device)
        turns = torch.eye(3, device=betas.device).expand(11, 24, 3, 3)
        with torch.no_grad():
            joints = body_model.forward_joints(turns[:, :1], turns[:, 1:], betas).joints[:, HYBRIK_JOINTS]
            self.rest.copy_(joints[0])
            self.rest_by_betas.copy_((joints[1:] - joints[0]).permute(1, 2, 0))
            self.init_shape.copy_(body_model.mean_betas)

    @without_autocast
    def forward(
        self, u: Tensor, u_bar: Tensor, boxes: Tensor, focal_length: Tensor, maps: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """Find the joints in the volume, the distance, and the rotations that move the skeleton there.

        Args:
            u: Unused.
            u_bar: Unused.
            boxes: (N, 1, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.
            maps: The encoder's maps (N, C, h, w); the last is used. Square.

        Returns:
            dict: ``rotations`` (N, 24, 3, 3), ``betas`` (N, 10), ``cameras`` (N, 1, 3), ``uvd`` (N, 29, 3):
                joints of ``HYBRIK_JOINTS`` in the volume, whose sides lie at -0.5 and 0.5.

        Raises:
            ValueError: There is more than one RoI, or the maps are not square.
        """
        feature = self.last_map(maps, boxes)
        if feature.shape[-1] != feature.shape[-2]:
            raise ValueError(
                'HybrIKHead takes square crops: set crop_size=(256, 256) in MultiRoICrop and '
                f'aspect=1.0 in GetPersonBox. Its maps are {tuple(feature.shape[-2:])}.'
            )
        uvd = self.locate(feature)
        betas, twist = self.shape_and_twist(feature)
        rest = self.rest + torch.einsum('jkb,nb->njk', self.rest_by_betas, betas)
        box = boxes[:, 0]
        with torch.no_grad():
            distance = pelvis_depth(uvd, rest, box, focal_length, self.depth)
        points = back_project(uvd, box, focal_length, distance, self.depth)
        root = points[:, :1]
        rotations = self.inverse_kinematics((points - root).float(), twist, rest.detach())
        cameras = full_to_local(root - rest[:, :1], boxes, focal_length)
        return dict(rotations=rotations, betas=betas, cameras=cameras.float(), uvd=uvd)

    def locate(self, feature: Tensor) -> Tensor:
        """Compute the expected position of each joint under its softmax over the volume.

        Args:
            feature: (N, C, h, w).

        Returns:
            Tensor: uvd (N, 29, 3).
        """
        plane = self.final_layer(self.deconv_layers(feature))
        volume = plane.unflatten(1, (self.num_joints, self.depth_dim))  # (N, K, D, H, W)
        volume = volume.flatten(2).softmax(-1).view_as(volume)
        return torch.stack(
            [_expected(volume.sum((2, 3))), _expected(volume.sum((2, 4))), _expected(volume.sum((3, 4)))],
            dim=-1,
        )

    def shape_and_twist(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Regress shape and twist from the mean of the feature map.

        Args:
            feature: (N, C, h, w).

        Returns:
            tuple: betas (N, 10); twist (N, 23, 2), cosine and sine of each bone's rotation about itself, not
                normalized.
        """
        x = self.drop1(self.fc1(self.avg_pool(feature).flatten(1)))
        x = self.drop2(self.fc2(x))
        return self.decshape(x) + self.init_shape, self.decphi(x).unflatten(1, (23, 2))

    def inverse_kinematics(self, skeleton: Tensor, twist: Tensor, rest: Tensor) -> Tensor:
        """Run MMHuman3D's adaptive inverse kinematics.

        Args:
            skeleton: (N, 29, 3) relative to the pelvis, meters.
            twist: (N, 23, 2), from :meth:`shape_and_twist`.
            rest: The skeleton in the rest pose (N, 29, 3), meters.

        Returns:
            Tensor: Rotation matrices (N, 24, 3, 3).
        """
        parents, children = self.kinematic_tree
        return _kinematics.batch_inverse_kinematics_transform(
            skeleton, None, twist, rest, children, parents, train=False
        )[0]


def back_project(uvd: Tensor, box: Tensor, focal_length: Tensor, distance: Tensor, depth: float) -> Tensor:
    """Compute the joints in the camera frame.

    Args:
        uvd: (N, K, 3).
        box: (N, 3) float64, pixels relative to the principal point.
        focal_length: (N,) float64, pixels.
        distance: (N,), z of the pelvis in meters.
        depth: Depth of the volume in meters.

    Returns:
        Tensor: (N, K, 3) float64, meters.
    """
    rays = _rays(uvd, box, focal_length)
    z = (distance[:, None] + depth * uvd[..., 2].double()).clamp(min=0.1)
    return rays * z[..., None]


def pelvis_depth(uvd: Tensor, rest: Tensor, box: Tensor, focal_length: Tensor, depth: float) -> Tensor:
    """Compute the distance of the pelvis at which bone lengths are as at rest, in their sum of squares.

    A bone from ray q, d' to ray r, d is z (r - q) + depth (d r - d' q), so the sum of squares is quadratic
    in z. The result is clamped to the range where the person's weak-perspective scale is within ``SCALES``.

    Args:
        uvd: (N, 29, 3).
        rest: The skeleton in the rest pose (N, 29, 3), meters.
        box: (N, 3) float64, pixels relative to the principal point.
        focal_length: (N,) float64, pixels.
        depth: Depth of the volume in meters.

    Returns:
        Tensor: (N,) float64, meters.
    """
    rays = _rays(uvd, box, focal_length)
    wide, deep = _bones(rays), _bones(rays * depth * uvd[..., 2:].double())
    a, b = wide.square().sum((1, 2)).clamp(min=1e-12), (wide * deep).sum((1, 2))
    c = deep.square().sum((1, 2)) - _bones(rest.double()).square().sum((1, 2))
    root = (-b + (b.square() - a * c).clamp(min=0).sqrt()) / a
    nearest = 2 * focal_length / box[:, 2]  # at scale 1
    return root.clamp(nearest / SCALES[1], nearest / SCALES[0])


def _rays(uvd: Tensor, box: Tensor, focal_length: Tensor) -> Tensor:
    pixels = box[:, None, :2] + uvd[..., :2].double() * box[:, None, 2:]
    return torch.cat([pixels / focal_length[:, None, None], torch.ones_like(pixels[..., :1])], dim=-1)


def _bones(joints: Tensor) -> Tensor:
    return joints[:, 1:] - joints[:, PARENTS[1:]]


def _expected(marginal: Tensor) -> Tensor:
    """Mean position in [-0.5, 0.5] under the weights (..., cells) of sum 1."""
    cells = marginal.shape[-1]
    grid = torch.arange(cells, device=marginal.device, dtype=marginal.dtype)
    return (marginal * grid).sum(-1) / cells - 0.5
