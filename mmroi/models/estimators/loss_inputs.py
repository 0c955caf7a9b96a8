"""What losses may ask for: the arguments of a loss's ``forward`` are bound by name."""

import inspect
from collections.abc import Collection, Iterable, Mapping
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, nn

from mmroi.models.estimators.views_and_labels import Labels, Views
from mmroi.models.heads.base_head import rotations_of

PARTS = dict(projections='projector', heatmaps='heatmap_head', joints_std='uncertainty_head')
"""Inputs that an optional part of the estimator computes, and the name of that part."""

_REMEDIES = dict(
    projector="projector=dict(type='ContrastiveProjector')",
    heatmap_head="heatmap_head=dict(type='HeatmapHead')",
    uncertainty_head="uncertainty_head=dict(type='JointUncertaintyHead')",
)


class LossInputs:
    """The inputs of losses: its public properties, and further outputs of the head by their names.

    Each is computed when a loss first asks for it, and only once.

    Shapes: N persons, M RoIs each. B meshes: B = N, or B = N·M for a head that predicts a mesh for each RoI,
    where row i·M + m belongs to RoI m of person i and ground truth is repeated. Units: meters; pixels
    relative to the principal point. The 54 joints are those of ``smpl_54``. Predicted bodies have no
    translation.

    Args:
        estimator: The ``MeshEstimator``.
        output: What its ``regress`` returns.
        views: How the crops were taken.
        labels: Ground truth.
        asked: Names that any of the losses asks for.
    """

    def __init__(
        self,
        estimator: Any,
        output: Mapping[str, Tensor],
        views: Views,
        labels: Labels,
        asked: Collection[str],
    ) -> None:
        self._estimator = estimator
        self._output = output
        self._views = views
        self._labels = labels
        self._asked = asked
        self._num_rois = views.boxes.shape[1]
        self._meshes = output['betas'].shape[1] if output['betas'].dim() == 3 else 1

    @classmethod
    @cache
    def names(cls) -> tuple[str, ...]:
        """Names of the inputs, without further outputs of the head."""
        properties = [name for name, value in vars(cls).items() if isinstance(value, cached_property)]
        return tuple(name for name in properties if not name.startswith('_'))

    def __getitem__(self, name: str) -> Any:
        """Return an input by its name."""
        return getattr(self, name) if name in self.names() else self._output[name]

    @cached_property
    def rotations(self) -> Tensor:
        """Predicted rotation matrices (B, 24, 3, 3)."""
        return rotations_of(self._output).reshape(-1, 24, 3, 3)

    @cached_property
    def betas(self) -> Tensor:
        """Predicted shape (B, 10)."""
        return self._output['betas'].reshape(-1, 10)

    @cached_property
    def joints(self) -> Tensor:
        """Predicted joints (B, 54, 3)."""
        return self._body.joints

    @cached_property
    def joints_h36m(self) -> Tensor:
        """Predicted joints of Human3.6M (B, 17, 3)."""
        return self._body.joints_h36m

    @cached_property
    def root(self) -> Tensor:
        """Human3.6M's pelvis of the predicted body (B, 3)."""
        return self._body.joints_h36m[:, 0]

    @cached_property
    def vertices(self) -> Tensor:
        """Predicted vertices (B, 6890, 3)."""
        return self._body.vertices

    @cached_property
    def cameras(self) -> Tensor:
        """Predicted weak-perspective cameras of the boxes (N, M, 3), (s, t_x, t_y)."""
        return self._output['cameras']

    @cached_property
    def features(self) -> Tensor:
        """Features of the encoder (N, M, d)."""
        return self._output['features']

    @cached_property
    def feature_map(self) -> Tensor:
        """The encoder's last map (N·M, C, h, w)."""
        return self._output['feature_map']

    @cached_property
    def projections(self) -> Tensor:
        """Features projected by ``projector`` (N, M, d)."""
        projector, features = self._estimator.projector, self.features
        if features.shape[1] == 1:
            # The loss is zero, and BatchNorm would fail on a single person. DDP waits for all gradients.
            return features + 0 * sum(parameter.sum() for parameter in projector.parameters())
        return projector(features)

    @cached_property
    def heatmaps(self) -> Tensor:
        """Logits of the keypoints' heatmaps by ``heatmap_head`` (N, M, K, H, W)."""
        return self._estimator.heatmap_head(self.feature_map).unflatten(0, (-1, self._num_rois))

    @cached_property
    def joints_std(self) -> Tensor:
        """Standard deviations of SMPL's 24 joints by ``uncertainty_head`` (N, 24), meters."""
        return self._output['joints_std']

    @cached_property
    def boxes(self) -> Tensor:
        """Center and height of the RoIs (N, M, 3), float64."""
        return self._views.boxes

    @cached_property
    def focal_length(self) -> Tensor:
        """Focal length in pixels (N,), float64."""
        return self._views.focal_length

    @cached_property
    def aspect(self) -> float:
        """Width of the RoIs divided by their height."""
        return self._views.aspect

    @cached_property
    def person_ids(self) -> Tensor | None:
        """Equal for the same person (N,), int64; None if not known."""
        return self._views.person_ids

    @cached_property
    def gt_rotations(self) -> Tensor:
        """True rotation matrices (B, 24, 3, 3), where ``has_smpl``."""
        return self._for_each_mesh(self._labels.rotations)

    @cached_property
    def gt_betas(self) -> Tensor:
        """True shape (B, 10), where ``has_smpl``."""
        return self._for_each_mesh(self._labels.betas)

    @cached_property
    def gt_joints(self) -> Tensor:
        """Joints of the true body (B, 54, 3), where ``has_smpl``."""
        return self._for_each_mesh(self._gt_body.joints)

    @cached_property
    def gt_root(self) -> Tensor:
        """Human3.6M's pelvis of the true body (B, 3), where ``has_smpl``."""
        return self._for_each_mesh(self._gt_body.joints_h36m[:, 0])

    @cached_property
    def gt_vertices(self) -> Tensor:
        """Vertices of the true body (B, 6890, 3), where ``has_smpl``."""
        return self._for_each_mesh(self._gt_body.vertices)

    @cached_property
    def has_smpl(self) -> Tensor:
        """1 where SMPL's parameters are known, else 0 (B,)."""
        return self._for_each_mesh(self._labels.has_smpl)

    @cached_property
    def keypoints3d(self) -> Tensor:
        """True joints in the camera frame and their confidence (B, 54, 4)."""
        return self._for_each_mesh(self._labels.keypoints3d)

    @cached_property
    def has_keypoints3d(self) -> Tensor:
        """1 where 3D keypoints are known, else 0 (B,)."""
        return self._for_each_mesh(self._labels.has_keypoints3d)

    @cached_property
    def keypoints2d(self) -> Tensor:
        """True joints in pixels and their confidence (N, 54, 3)."""
        return self._labels.keypoints2d

    @cached_property
    def has_keypoints2d(self) -> Tensor:
        """1 where 2D keypoints are known, else 0 (N,)."""
        return self._labels.has_keypoints2d

    @cached_property
    def _body(self) -> Any:
        return self._pose(self.rotations, self.betas, 'vertices')

    @cached_property
    @torch.no_grad()
    def _gt_body(self) -> Any:
        return self._pose(self._labels.rotations, self._labels.betas, 'gt_vertices')

    def _pose(self, rotations: Tensor, betas: Tensor, vertices: str) -> Any:
        """Return the body, or only its joints if no loss asks for the vertices."""
        body_model = self._estimator.body_model
        pose = body_model if vertices in self._asked else body_model.forward_joints
        return pose(rotations[:, :1], rotations[:, 1:], betas)

    def _for_each_mesh(self, label: Tensor) -> Tensor:
        return label.repeat_interleave(self._meshes, 0) if self._meshes > 1 else label


GROUND_TRUTH = tuple(name for name in LossInputs.names() if name.startswith(('gt_', 'has_', 'keypoints')))
"""Inputs that come from the annotations."""


def arguments_of(loss: nn.Module) -> dict[str, bool]:
    """Names of the arguments of a loss's ``forward``, and whether each must be given."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(loss.forward).parameters.values()
    return {p.name: p.default is p.empty for p in parameters if p.kind in named}


def available_inputs(estimator: Any) -> set[str]:
    """Names of the inputs that the parts of an estimator give."""
    absent = {name for name, part in PARTS.items() if getattr(estimator, part) is None}
    return {*LossInputs.names(), *estimator.head.outputs} - absent


def bind_arguments(loss: nn.Module, available: Collection[str]) -> list[str]:
    """Names of the inputs to call a loss with: those required, and the optional ones that there are."""
    return [name for name, required in arguments_of(loss).items() if required or name in available]


def check_losses(estimator: Any, losses: Mapping[str, nn.Module]) -> None:
    """Check that an estimator can give all losses what they ask for.

    Args:
        estimator: With all its parts.
        losses: Losses by name.

    Raises:
        ValueError: A required argument is not available; says which exist, and the remedy.
    """
    available = available_inputs(estimator)
    problems = []
    for name, loss in losses.items():
        if not arguments_of(loss):
            problems.append(
                f'the loss {name!r} ({type(loss).__name__}) has a forward without named arguments, so '
                'nothing can be bound to it: name its inputs'
            )
        for argument in bind_arguments(loss, available):
            if argument not in available:
                which = f'the loss {name!r} ({type(loss).__name__}) asks for {argument!r}'
                problems.append(f'{which}, {_remedy(argument, estimator)}')
    if problems:
        raise ValueError(f'MeshEstimator: {"; ".join(problems)}. Available: {", ".join(_sorted(available))}.')


def _remedy(argument: str, estimator: Any) -> str:
    part = PARTS.get(argument)
    if part:
        return f'which needs the part {part}: add {_REMEDIES[part]} to the model, or remove the loss'
    head = type(estimator.head).__name__
    return (
        f'which neither the estimator nor {head} gives: rename the argument or give it a default, or take a '
        'head that returns it and names it in its `outputs`'
    )


def _sorted(available: Iterable[str]) -> list[str]:
    """Sort inputs in the order of their documentation, followed by outputs of the head."""
    order = LossInputs.names()
    return sorted(available, key=lambda name: (order.index(name) if name in order else len(order), name))
