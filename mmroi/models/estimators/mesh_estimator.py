"""HMR, CLIFF and Multi-RoI: the same estimator made of other parts."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmroi.geometry.cameras import average_full_camera, local_to_full
from mmroi.geometry.rotations import rot6d_to_matrix
from mmroi.models.estimators.architecture_guard import check_state_dict
from mmroi.models.estimators.batch import Labels, Views, stack_labels, stack_views
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample, Predictions

LOSSES = ('smpl', 'vertices', 'keypoints3d', 'keypoints2d', 'camera', 'contrastive', 'heatmaps', 'volume')
LOSSES_OF_BODY = {'vertices', 'keypoints3d', 'keypoints2d', 'volume'}


@MODELS.register_module()
class MeshEstimator(BaseModel):
    """Crops of a person to SMPL parameters and M cameras: encoder → fusion → head → body model, and losses.

    Where all RoIs share one mesh the body model runs once for each person; the label's body runs only for
    the vertex loss.

    Args:
        encoder: Config; (N, M, 3, H, W) → h (N, M, d).
        head: Config; (u, u_bar, boxes, focal_length) → pose6d or rotations, betas, cameras. Its regressors
            start from the body model's mean parameters. A head with ``needs_maps`` also gets the encoder's
            ``maps``.
        body_model: Config.
        fusion: Config; (h, boxes, focal_length) → u (N, M, d), u_bar (N, d), weights. None: u = h and u_bar
            its mean.
        projector: Config; h → z for the contrastive loss. Not trained when that loss is not configured.
        heatmap_head: Config; the encoder's last map → heatmaps of the keypoints, for the loss ``heatmaps``.
            Not trained when that loss is not configured.
        losses: Loss configs by name, any of ``smpl, vertices, keypoints3d, keypoints2d, camera, contrastive,
            heatmaps, volume``; leaving one out, or setting it to None over an inherited config, removes it.
            ``volume`` is for a head that also gives the joints in the volume of the crop, ``uvd``.
        data_preprocessor: Config.
        init_cfg: MMEngine's initialization config.

    Attributes:
        ONLY_IN_TRAINING: Names of the parts that prediction does not need.

    Raises:
        ValueError: Unknown loss, a loss without the part that it needs, or parts that do not fit together.
    """

    ONLY_IN_TRAINING = ('projector', 'heatmap_head')

    def __init__(
        self,
        encoder: dict,
        head: dict,
        body_model: dict,
        fusion: dict | None = None,
        projector: dict | None = None,
        heatmap_head: dict | None = None,
        losses: dict[str, dict] | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        # Built here: BaseModel would look only into MMEngine's registry when no default scope is set.
        super().__init__(MODELS.build(data_preprocessor) if data_preprocessor else None, init_cfg)
        losses = {name: loss for name, loss in (losses or {}).items() if loss is not None}
        unknown = set(losses) - set(LOSSES)
        if unknown:
            raise ValueError(
                f'MeshEstimator: unknown losses {sorted(unknown)}; the known ones are {", ".join(LOSSES)}.'
            )
        if 'contrastive' in losses and projector is None:
            raise ValueError(
                'MeshEstimator: the contrastive loss needs a projector, such as '
                "projector=dict(type='ContrastiveProjector', in_channels=...)."
            )
        if 'heatmaps' in losses and heatmap_head is None:
            raise ValueError(
                'MeshEstimator: the loss on heatmaps needs a head, such as '
                "heatmap_head=dict(type='HeatmapHead', in_channels=...)."
            )
        self.encoder = MODELS.build(encoder)
        self.fusion = MODELS.build(fusion) if fusion else None
        self.head = MODELS.build(head)
        self.projector = MODELS.build(projector) if projector else None
        self.heatmap_head = MODELS.build(heatmap_head) if heatmap_head else None
        self.body_model = MODELS.build(body_model)
        self.losses = nn.ModuleDict({name: MODELS.build(loss) for name, loss in losses.items()})
        self._check_parts()
        if 'volume' in losses and not self.head.gives_uvd:
            raise ValueError(
                'MeshEstimator: the loss on the volume needs a head that gives joints in it, '
                f'such as MMHuman3DHybrIKHead; {type(self.head).__name__} does not.'
            )
        for part, loss in ((self.projector, 'contrastive'), (self.heatmap_head, 'heatmaps')):
            if part is not None and loss not in losses:
                part.requires_grad_(False)  # DDP would wait for its gradients
        self.head.adopt_body(self.body_model)

    def _check_parts(self) -> None:
        widths = dict.fromkeys(('fusion', 'head', 'projector'), self.encoder.out_channels)
        from_maps = ('heatmap_head', 'head') if self.head.needs_maps else ('heatmap_head',)
        for name, width in (widths | dict.fromkeys(from_maps, self.encoder.map_channels)).items():
            part = getattr(self, name)
            if part is not None and part.in_channels != width:
                raise ValueError(
                    f'MeshEstimator: the encoder gives features of {width} channels, but {name} '
                    f'was built for in_channels={part.in_channels}.'
                )
        if (
            self.fusion is not None
            and None not in (self.fusion.num_rois, self.head.num_rois)
            and self.fusion.num_rois != self.head.num_rois
        ):
            raise ValueError(
                f'MeshEstimator: fusion was built for num_rois={self.fusion.num_rois}, '
                f'but head for num_rois={self.head.num_rois}.'
            )

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        check_state_dict(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def num_parameters(self) -> int:
        """Number of parameters of the network that predicts, without the parts that only training uses."""
        training = tuple(f'{part}.' for part in self.ONLY_IN_TRAINING)
        return sum(p.numel() for name, p in self.named_parameters() if not name.startswith(training))

    def regress(self, inputs: Tensor, boxes: Tensor, focal_length: Tensor) -> dict[str, Tensor]:
        """The network alone: tensors in, tensors out, no branch on data.

        Args:
            inputs: Normalized RGB crops (N, M, 3, H, W).
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: ``cameras`` (N, M, 3); ``pose6d`` (N, 24, 6) and ``betas`` (N, 10), or (N, M, 24, 6) and (N,
                M, 10) from a head with a mesh for each RoI; from some heads ``rotations`` (N, 24, 3, 3) in
                place of ``pose6d``; ``features`` h (N, M, d); and ``feature_map``, the encoder's last map
                (N·M, C, h, w).

        Raises:
            ValueError: ``inputs`` and ``boxes`` differ in N or M.
        """
        if inputs.shape[:2] != boxes.shape[:2]:
            raise ValueError(
                f'MeshEstimator: got crops of shape {tuple(inputs.shape)} with boxes of shape '
                f'{tuple(boxes.shape)}; the first two numbers, persons and RoIs, must agree.'
            )
        maps = self.encoder.extract_maps(inputs)
        h = self.encoder.pool_maps(maps, inputs.shape[1])
        u, u_bar = (h, h.mean(1)) if self.fusion is None else self.fusion(h, boxes, focal_length)[:2]
        more = dict(maps=maps) if self.head.needs_maps else {}
        return dict(self.head(u, u_bar, boxes, focal_length, **more), features=h, feature_map=maps[-1])

    def forward(self, inputs: Tensor, data_samples: Sequence[HMRDataSample], mode: str = 'tensor') -> Any:
        """Run the network.

        Args:
            inputs: Normalized RGB crops (N, M, 3, H, W).
            data_samples: N samples; ``boxes`` and ``focal_length`` in their metainfo, labels in
                ``gt_instances`` for mode ``'loss'``.
            mode: ``'tensor'``: what :meth:`regress` returns. ``'loss'``: dict of losses. ``'predict'``: the
                samples with ``pred_instances``.

        Returns:
            dict | list[HMRDataSample]: See ``mode``.

        Raises:
            ValueError: Unknown mode.
        """
        views = stack_views(data_samples, inputs)
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(f"MeshEstimator: mode must be 'tensor', 'loss' or 'predict', got {mode!r}.")
        output = self.regress(inputs, views.boxes, views.focal_length)
        if mode == 'loss':
            return self.loss(output, views, stack_labels(data_samples, inputs.device))
        if mode == 'predict':
            return self.predict(output, views, data_samples)
        return output

    def loss(self, output: dict[str, Tensor], views: Views, labels: Labels) -> dict[str, Tensor]:
        """Losses of a batch.

        A head with a mesh for each RoI is trained with each of them against the person's label, the 2D loss
        with the mesh and the camera of the same RoI.

        Args:
            output: What :meth:`regress` returns.
            views: How the crops were taken.
            labels: Labels.

        Returns:
            dict: ``loss_<name>`` for each configured loss, weighted scalars.
        """
        num_persons, num_rois = views.boxes.shape[:2]
        rotations = _rotations(output).reshape(-1, 24, 3, 3)
        betas = output['betas'].reshape(-1, 10)
        meshes = len(betas) // num_persons  # 1 or M for each person
        of_mesh = Labels(*(label.repeat_interleave(meshes, 0) for label in labels))
        if LOSSES_OF_BODY & set(self.losses):
            # Without a vertex loss nobody needs the mesh.
            posed = self.body_model if 'vertices' in self.losses else self.body_model.forward_joints
            body = posed(rotations[:, :1], rotations[:, 1:], betas)
        if 'vertices' in self.losses:
            with torch.no_grad():
                target = self.body_model(labels.rotations[:, :1], labels.rotations[:, 1:], labels.betas)
        # Called below only for the configured losses, so that nothing is computed for an absent one.
        arguments = dict(
            smpl=lambda: (rotations, betas, of_mesh.rotations, of_mesh.betas, of_mesh.has_smpl),
            vertices=lambda: (
                body.vertices,
                body.joints_h36m[:, 0],
                target.vertices.repeat_interleave(meshes, 0),
                target.joints_h36m[:, 0].repeat_interleave(meshes, 0),
                of_mesh.has_smpl,
            ),
            keypoints3d=lambda: (body.joints, of_mesh.keypoints3d, of_mesh.has_keypoints3d),
            keypoints2d=lambda: (
                body.joints.unflatten(0, (num_persons, meshes)),
                output['cameras'],
                views.boxes,
                views.focal_length,
                views.aspect,
                labels.keypoints2d,
                labels.has_keypoints2d,
            ),
            camera=lambda: (output['cameras'], views.boxes),
            heatmaps=lambda: (
                self.heatmap_head(output['feature_map']).unflatten(0, (-1, num_rois)),  # type: ignore[misc]
                views.boxes,
                views.aspect,
                labels.keypoints2d,
                labels.has_keypoints2d,
            ),
            contrastive=lambda: (self._project(output['features']), views.person_ids),
            volume=lambda: (
                output['uvd'],
                body.joints,
                views.boxes,
                views.aspect,
                labels.keypoints2d,
                labels.keypoints3d,
                labels.has_keypoints2d,
                labels.has_keypoints3d,
            ),
        )
        return {f'loss_{name}': loss(*arguments[name]()) for name, loss in self.losses.items()}

    def _project(self, features: Tensor) -> Tensor:
        """Features (N, M, d) for the contrastive loss."""
        assert self.projector is not None
        if features.shape[1] == 1:
            # The loss is zero, and BatchNorm would fail on a single person. DDP waits for all gradients.
            return features + 0 * sum(parameter.sum() for parameter in self.projector.parameters())
        return self.projector(features)

    def predict(
        self, output: dict[str, Tensor], views: Views, data_samples: Sequence[HMRDataSample]
    ) -> list[HMRDataSample]:
        """Fill ``pred_instances`` of each sample with its part of :meth:`predict_tensors`.

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

        ``camera_translation`` is the full camera averaged over the RoIs by ``average_full_camera``; body
        points plus ``camera_translation`` lie in the camera frame. Of a head with a mesh for each RoI, the
        mesh and the camera of the base RoI are taken, as the authors of Multi-RoI evaluate theirs.

        Args:
            output: What :meth:`regress` returns.
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            Predictions: Of the N persons.
        """
        cameras = output['cameras']
        full_cameras = local_to_full(cameras, boxes, focal_length)
        rotations, betas = _rotations(output), output['betas']
        if betas.dim() == 2:
            translation = average_full_camera(cameras, boxes, focal_length)
        else:
            rotations, betas, translation = rotations[:, 0], betas[:, 0], full_cameras[:, 0]
        body = self.body_model(rotations[:, :1], rotations[:, 1:], betas)
        return Predictions.from_body(rotations, betas, body, cameras, full_cameras, translation)


def _rotations(output: dict[str, Tensor]) -> Tensor:
    """Rotation matrices (..., 24, 3, 3) of what a head returns."""
    return output['rotations'] if 'rotations' in output else rot6d_to_matrix(output['pose6d'])
