"""The encoder that sees all RoIs of a person in one crop."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmroi.geometry import rois_in_context
from mmroi.models.encoders.multi_roi_encoder import MultiRoIEncoder
from mmroi.models.encoders.roi_align import roi_align
from mmroi.models.encoders.stages import NUM_STAGES, stages_of
from mmroi.registry import MODELS


@MODELS.register_module()
class SharedMapEncoder(MultiRoIEncoder):
    """Encodes one crop for all RoIs, the context crop, and takes the RoIs from its feature map by RoIAlign.

    The features are those of :class:`MultiRoIEncoder` up to the resampling and to what the network sees
    beyond the border of a RoI, but each further RoI costs only what follows ``roi_stage``. The context crop
    covers all RoIs (``geometry.context_box``) and is made by ``MultiRoICrop(context_size=(H, W))``, whose
    sides are multiples of the map's stride; its resolution may be chosen freely, as ``crop_size`` determines
    the size of the RoIs' maps.

    Args:
        backbone: As for :class:`MultiRoIEncoder`; for ``roi_stage`` < 4 see
            :func:`mmroi.models.encoders.stages.stages_of`.
        crop_size: (H, W) of a RoI's crop, as for ``MultiRoICrop``: the map of a RoI has the size that the
            backbone gives for such a crop.
        roi_stage: Stage of the backbone from whose maps RoIs are taken, 1 to 4. 4: the backbone runs once for
            each person, and the neck for each RoI. 3: so does the last stage, which then also sees the
            borders of the RoIs.
        **options: As for :class:`MultiRoIEncoder`.

    Raises:
        ValueError: ``roi_stage`` is out of range, or the backbone cannot be cut there; otherwise as
            :class:`MultiRoIEncoder`.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        crop_size: tuple[int, int],
        roi_stage: int = NUM_STAGES,
        **options: Any,
    ) -> None:
        if not 1 <= roi_stage <= NUM_STAGES:
            raise ValueError(f'SharedMapEncoder: roi_stage must be from 1 to {NUM_STAGES}, got {roi_stage}.')
        # Before the initialization, which measures the width of the features.
        self.crop_size = (int(crop_size[0]), int(crop_size[1]))
        self.roi_stage = roi_stage
        super().__init__(backbone, crop_size=self.crop_size, **options)
        if roi_stage < NUM_STAGES:
            stages_of(self.backbone)

    def num_crops(self, num_rois: int) -> int:
        """Return the number of crops of a person: one.

        Args:
            num_rois: M.

        Returns:
            int: 1.
        """
        return 1

    @property
    def map_settings(self) -> dict[str, Any]:
        """What the maps depend on beside backbone and crops."""
        return dict(crop_size=list(self.crop_size), roi_stage=self.roi_stage)

    def extract_maps(self, inputs: Tensor, boxes: Tensor | None = None) -> Sequence[Tensor]:
        """Compute the feature maps of all RoIs.

        Args:
            inputs: (N, 1, 3, H, W), normalized RGB context crops.
            boxes: (N, M, 3) boxes of the RoIs, in any frame in which the crop is upright.

        Returns:
            Sequence[Tensor]: Maps (N·M, C, h, w), finest first.

        Raises:
            ValueError: ``boxes`` is missing, the sides of the crops do not fit the stride of the maps; or as
                :class:`MultiRoIEncoder`.
        """
        if boxes is None:
            raise ValueError(
                'SharedMapEncoder finds the RoIs in the context crop by their boxes: give it boxes.'
            )
        context_size = (inputs.shape[-2], inputs.shape[-1])
        rois = rois_in_context(boxes, self.crop_size, context_size)

        def align(feature: Tensor) -> Tensor:
            found = roi_align(feature, rois, self._roi_size(feature, context_size)).to(feature.dtype)
            return found.contiguous(memory_format=self.memory_format)

        if self.roi_stage == NUM_STAGES:
            return [align(feature) for feature in super().extract_maps(inputs)]
        stages = stages_of(self.backbone)
        maps: Sequence[Tensor] = [self.arrange(inputs)]
        for stage in stages[: self.roi_stage]:
            maps = stage(maps)
        maps = [align(feature) for feature in maps]
        for stage in stages[self.roi_stage :]:
            maps = stage(maps)
        return maps

    def _roi_size(self, feature: Tensor, context_size: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width of the map of a RoI, whose crop has the stride of the context crop."""
        stride = context_size[0] // feature.shape[-2]
        if any(
            whole != cells * stride or crop % stride
            for whole, cells, crop in zip(context_size, feature.shape[-2:], self.crop_size, strict=True)
        ):
            raise ValueError(
                f'SharedMapEncoder: a context crop of {context_size[0]}x{context_size[1]} (height x width) '
                f'has a map of {feature.shape[-2]}x{feature.shape[-1]}, which gives a RoI of crop_size='
                f'{self.crop_size} no whole number of cells: let the sides of context_size of MultiRoICrop '
                'and of crop_size be multiples of the stride of the map, such as 32.'
            )
        return self.crop_size[0] // stride, self.crop_size[1] // stride
