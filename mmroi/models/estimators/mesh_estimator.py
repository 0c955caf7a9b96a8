"""The estimator behind HMR, CLIFF and Multi-RoI, which differ in its parts."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from mmroi.fileio.state_dicts import take_below_prefix
from mmroi.geometry.cameras import average_full_camera, local_to_full
from mmroi.geometry.rotations import mean_rotation
from mmroi.models.estimators.architecture_guard import check_state_dict
from mmroi.models.estimators.loss_inputs import (
    PARTS,
    LossInputs,
    available_inputs,
    bind_arguments,
    check_losses,
)
from mmroi.models.estimators.part_building import build_part, check_normalization
from mmroi.models.estimators.referenced_backbone import restore_backbone
from mmroi.models.estimators.views_and_labels import Labels, Views, stack_labels, stack_views
from mmroi.models.heads.base_head import rotations_of
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample, Predictions


@MODELS.register_module()
class MeshEstimator(BaseModel):
    """Crops of a person to SMPL parameters and M cameras: encoder → fusion → head → body model, and losses.

    Width of the features and number of RoIs need not be repeated: where the config of a part leaves out
    ``in_channels`` or ``num_rois``, the estimator fills them in.

    Args:
        encoder: Config; crops (N, K, 3, H, W) → h (N, M, d), where K is its ``num_crops(M)``.
        head: Config of a :class:`BaseHead`; it may start from the body model's mean parameters.
        body_model: Config.
        fusion: Config of a :class:`BaseFusion`. None: u = h, and u_bar its mean.
        projector: Config; h → z, ``projections`` for the contrastive loss.
        heatmap_head: Config; the encoder's last map → ``heatmaps`` of the keypoints.
        uncertainty_head: Config; u_bar and what the head returns → ``joints_std`` of the predictions.
        frozen_parts: Names of parts that keep their weights and stay in evaluation mode: to train only the
            others, on weights that ``load_from`` brings.
        num_rois: M, for fusion and head; None leaves it to their configs.
        average_meshes: Predict the mean over the RoIs if the head gives a mesh for each, as test-time
            augmentation by crops: chordal mean of the rotations, mean of the shapes, and
            ``average_full_camera``. By default the mesh of the base RoI is the prediction.
        losses: Loss configs by name. Any registered module is a loss: the arguments of its ``forward`` are
            bound by name to the properties of :class:`LossInputs` and to the head's outputs, and it returns
            a weighted scalar, which is logged as ``loss_<name>``. None over an inherited config removes a
            loss. ``projector``, ``heatmap_head`` and ``uncertainty_head`` are not trained if no loss asks for
            what they compute.
        data_preprocessor: Config.
        init_cfg: MMEngine's initialization config.

    Attributes:
        ONLY_IN_TRAINING: Names of the parts that prediction does not need.

    Raises:
        ValueError: A loss asks for an input that no part provides, or parts do not fit together.
    """

    ONLY_IN_TRAINING = ('projector', 'heatmap_head')
    head: Any  # a BaseHead, or an adapter of MMHuman3D's

    def __init__(
        self,
        encoder: dict[str, Any],
        head: dict[str, Any],
        body_model: dict[str, Any],
        fusion: dict[str, Any] | None = None,
        projector: dict[str, Any] | None = None,
        heatmap_head: dict[str, Any] | None = None,
        uncertainty_head: dict[str, Any] | None = None,
        frozen_parts: Sequence[str] = (),
        num_rois: int | None = None,
        average_meshes: bool = False,
        losses: dict[str, dict[str, Any] | None] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        # Built here: BaseModel would look only into MMEngine's registry when no default scope is set.
        super().__init__(MODELS.build(data_preprocessor) if data_preprocessor else None, init_cfg)
        self.encoder = MODELS.build(encoder)
        check_normalization(self.encoder, self.data_preprocessor)
        widths = self.encoder.out_channels, self.encoder.map_channels
        self.fusion = build_part('fusion', fusion, *widths, num_rois) if fusion else None
        self.head = build_part('head', head, *widths, num_rois)
        self.projector = build_part('projector', projector, *widths) if projector else None
        self.heatmap_head = build_part('heatmap_head', heatmap_head, *widths) if heatmap_head else None
        self.body_model = MODELS.build(body_model)
        self.losses = nn.ModuleDict(
            {name: MODELS.build(loss) for name, loss in (losses or {}).items() if loss is not None}
        )
        # Last, so that the parts before it draw the same random weights with and without it.
        self.uncertainty_head = (
            build_part('uncertainty_head', uncertainty_head, *widths) if uncertainty_head else None
        )
        self._check_num_rois()
        check_losses(self, dict(self.losses.items()))
        asked = {name for arguments in self._bind_losses().values() for name in arguments}
        for name, part in PARTS.items():
            module: nn.Module | None = getattr(self, part)
            if module is not None and name not in asked:
                module.requires_grad_(False)  # DDP would wait for its gradients
        self.head.adopt_body(self.body_model)
        self.frozen_parts, self.average_meshes = tuple(frozen_parts), average_meshes
        self._freeze()

    def _freeze(self) -> None:
        parts = {name for name, part in self.named_children() if name not in ('losses', 'body_model')}
        if unknown := sorted(set(self.frozen_parts) - parts):
            raise ValueError(
                f'MeshEstimator: frozen_parts names {", ".join(unknown)}, which the model does not have; its '
                f'parts are {", ".join(sorted(parts - {"data_preprocessor"}))}.'
            )
        for name in self.frozen_parts:
            getattr(self, name).requires_grad_(False)

    def train(self, mode: bool = True) -> Any:
        """Set the mode of all parts but the frozen ones, which stay in evaluation mode.

        Args:
            mode: True to train.

        Returns:
            MeshEstimator: Itself.
        """
        super().train(mode)
        for name in self.frozen_parts:
            getattr(self, name).eval()
        return self

    def _check_num_rois(self) -> None:
        if (
            self.fusion is not None
            and None not in (self.fusion.num_rois, self.head.num_rois)
            and self.fusion.num_rois != self.head.num_rois
        ):
            raise ValueError(
                f'MeshEstimator: fusion was built for num_rois={self.fusion.num_rois}, '
                f'but head for num_rois={self.head.num_rois}.'
            )

    def _bind_losses(self) -> dict[str, list[str]]:
        """Names of the inputs that each loss is called with."""
        available = available_inputs(self)
        return {name: bind_arguments(loss, available) for name, loss in self.losses.items()}

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        if not prefix:
            take_below_prefix(state_dict, self.state_dict().keys())
        restore_backbone(self, state_dict, prefix)
        check_state_dict(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def num_parameters(self) -> int:
        """Return the number of parameters, without the parts that only training uses."""
        training = tuple(f'{part}.' for part in self.ONLY_IN_TRAINING)
        return sum(p.numel() for name, p in self.named_parameters() if not name.startswith(training))

    def regress(self, inputs: Tensor, boxes: Tensor, focal_length: Tensor) -> dict[str, Tensor]:
        """Run the network on tensors, without any branch on data.

        Args:
            inputs: Normalized RGB crops (N, K, 3, H, W), K = M, or 1 for an encoder that shares its map.
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: What the head returns (see :meth:`BaseHead.forward`); ``features`` h (N, M, d);
                ``feature_map``, the encoder's last map (N·M, C, h, w); and with ``uncertainty_head``
                ``joints_std`` (N, 24), meters.

        Raises:
            ValueError: ``inputs`` are not the crops of the RoIs of ``boxes``.
        """
        _check_count(inputs, boxes, self.encoder.num_crops(boxes.shape[1]))
        return self.regress_maps(self.encoder.extract_maps(inputs, boxes), boxes, focal_length)

    def regress_maps(self, maps: Sequence[Tensor], boxes: Tensor, focal_length: Tensor) -> dict[str, Tensor]:
        """Run the network from the backbone's maps on.

        Args:
            maps: (N·M, C_i, h_i, w_i), finest first, or what the encoder's ``reduce_maps`` leaves of them.
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: As :meth:`regress`.
        """
        h = self.encoder.pool_maps(maps, boxes.shape[1])
        u, u_bar = (h, h.mean(1)) if self.fusion is None else self.fusion(h, boxes, focal_length)[:2]
        more = dict(maps=maps) if self.head.needs_maps else {}
        output = dict(self.head(u, u_bar, boxes, focal_length, **more), features=h, feature_map=maps[-1])
        if self.uncertainty_head is not None:
            output['joints_std'] = self.uncertainty_head(u_bar, output, boxes, focal_length)
        return output

    def forward(
        self,
        inputs: Tensor | None = None,
        data_samples: Sequence[HMRDataSample] = (),
        mode: str = 'tensor',
        features: Sequence[Tensor] | None = None,
    ) -> Any:
        """Run the network.

        Args:
            inputs: Normalized RGB crops (N, K, 3, H, W), as for :meth:`regress`.
            features: Instead of ``inputs``: maps (N, M, C_i, h_i, w_i) that the encoder's ``reduce_maps``
                returned for the crops, as :class:`mmroi.datasets.CachedFeatures` gives them.
            data_samples: N samples; ``boxes`` and ``focal_length`` in their metainfo, labels in
                ``gt_instances`` for mode ``'loss'``.
            mode: ``'tensor'``: what :meth:`regress` returns. ``'loss'``: dict of losses. ``'predict'``: the
                samples with ``pred_instances``.

        Returns:
            dict | list[HMRDataSample]: See ``mode``.

        Raises:
            ValueError: Unknown mode; or both or none of ``inputs`` and ``features`` are given.
        """
        if (inputs is None) == (features is None):
            raise ValueError('MeshEstimator: give either inputs or features.')
        given = inputs if features is None else features[-1]
        assert given is not None
        views = stack_views(data_samples, given)
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(f"MeshEstimator: mode must be 'tensor', 'loss' or 'predict', got {mode!r}.")
        if features is None:
            output = self.regress(given, views.boxes, views.focal_length)
        else:
            _check_count(given, views.boxes, views.boxes.shape[1])
            maps = [feature.flatten(0, 1) for feature in features]
            output = self.regress_maps(maps, views.boxes, views.focal_length)
        if mode == 'loss':
            return self.loss(output, views, stack_labels(data_samples, given.device))
        if mode == 'predict':
            return self.predict(output, views, data_samples)
        return output

    def loss(self, output: dict[str, Tensor], views: Views, labels: Labels) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        If the head predicts a mesh for each RoI, each is compared with the person's ground truth, and
        projected by the camera of the same RoI.

        Args:
            output: What :meth:`regress` returns.
            views: How the crops were taken.
            labels: Labels.

        Returns:
            dict: A weighted scalar ``loss_<name>`` for each configured loss.

        Raises:
            TypeError: A loss returns anything but one number.
        """
        bound = self._bind_losses()
        asked = {name for arguments in bound.values() for name in arguments}
        inputs = LossInputs(self, output, views, labels, asked)
        losses = {}
        for name, loss in self.losses.items():
            value = loss(**{argument: inputs[argument] for argument in bound[name]})
            if not isinstance(value, Tensor) or value.numel() != 1:
                found = f'shape {tuple(value.shape)}' if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(
                    f'the loss {name!r} ({type(loss).__name__}) must return one weighted number as a tensor, '
                    f'got {found}'
                )
            losses[f'loss_{name}'] = value
        return losses

    def predict(
        self, output: dict[str, Tensor], views: Views, data_samples: Sequence[HMRDataSample]
    ) -> list[HMRDataSample]:
        """Set ``pred_instances`` of each sample.

        Args:
            output: What :meth:`regress` returns.
            views: How the crops were taken.
            data_samples: N samples.

        Returns:
            list[HMRDataSample]: The same samples.
        """
        predictions = self.predict_tensors(output, views.boxes, views.focal_length)
        for sample, instances in zip(data_samples, predictions.split(), strict=True):
            sample.pred_instances = instances
        return list(data_samples)

    def predict_tensors(self, output: dict[str, Tensor], boxes: Tensor, focal_length: Tensor) -> Predictions:
        """Pose the body and average the cameras of all persons.

        ``camera_translation`` is the mean of the full cameras by ``average_full_camera``. If the head
        predicts a mesh for each RoI, the mesh and the camera of the base RoI are the prediction, as in the
        evaluation of Multi-RoI's authors, or with ``average_meshes`` their means.

        Args:
            output: What :meth:`regress` returns.
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            Predictions: Of the N persons.
        """
        cameras = output['cameras']
        full_cameras = local_to_full(cameras, boxes, focal_length)
        rotations, betas = rotations_of(output), output['betas']
        if betas.dim() == 3 and not self.average_meshes:
            rotations, betas, translation = rotations[:, 0], betas[:, 0], full_cameras[:, 0]
        else:
            translation = average_full_camera(cameras, boxes, focal_length)
            if betas.dim() == 3:
                rotations, betas = mean_rotation(rotations, 1), betas.mean(1)
        body = self.body_model(rotations[:, :1], rotations[:, 1:], betas)
        return Predictions.from_body(
            rotations, betas, body, cameras, full_cameras, translation, output.get('joints_std')
        )


def _check_count(inputs: Tensor, boxes: Tensor, wanted: int) -> None:
    """Check the number of crops, or of their features, of each person."""
    persons = boxes.shape[0]  # len() would be a constant in an exported network
    if inputs.shape[:2] != (persons, wanted):
        raise ValueError(
            f'MeshEstimator: got crops of shape {tuple(inputs.shape)} with boxes of shape '
            f'{tuple(boxes.shape)}; expected {wanted} crops of each of {persons} persons: one for '
            'each RoI, or one for all if the encoder is a SharedMapEncoder, made by '
            'MultiRoICrop(context_size=...).'
        )
