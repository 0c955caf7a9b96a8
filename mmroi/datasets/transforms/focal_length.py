"""What the network is told about the camera."""

from typing import Any

from mmcv.transforms import BaseTransform

from mmroi.geometry import estimate_focal_length
from mmroi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ScaleFocalLength(BaseTransform):
    """Tell the network another focal length than the true one, to test how much it depends on calibration.

    Boxes, crops and labels stay as they are, so metrics compare with the true body, and with the true pelvis
    in the camera frame; 2D keypoints are no longer the projection of the 3D ones. Where the focal lengths of
    the image along x and y differ, their ratio stays known: the frame remains rectified by it.

    Required keys: ``focal_length``, one number, ``focal_lengths`` (2,) and ``img_shape`` (H, W), as
    ``GetPersonBox`` leaves them; the metainfo of a packed sample has them, too.
    Modified keys: ``focal_length`` and ``focal_lengths``, both scaled.

    Args:
        factor: Of the focal length.
        unknown: The camera counts as uncalibrated: the factor is that of the usual estimate, the diagonal of
            the image (:func:`mmroi.geometry.estimate_focal_length`), instead of that of the true one.

    Raises:
        ValueError: ``factor`` is not positive.
    """

    metainfo_only = True  # so conditions with other focal lengths share a feature cache

    def __init__(self, factor: float = 1.0, unknown: bool = False) -> None:
        if not 0 < factor < float('inf'):
            raise ValueError(f'ScaleFocalLength: factor must be positive, got {factor}')
        self.factor = factor
        self.unknown = unknown

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale the focal length.

        Args:
            results: The sample, after ``GetPersonBox``, or its metainfo.

        Returns:
            The same, changed.

        Raises:
            KeyError: The sample has not been through ``GetPersonBox``.
        """
        if not {'box', 'boxes'} & results.keys():
            raise KeyError('ScaleFocalLength: put it behind GetPersonBox, which rectifies the camera')
        factor = self.factor
        if self.unknown:
            factor *= estimate_focal_length(*results['img_shape']) / results['focal_length']
        results['focal_length'] = results['focal_length'] * factor
        results['focal_lengths'] = results['focal_lengths'] * factor
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(factor={self.factor}, unknown={self.unknown})'
