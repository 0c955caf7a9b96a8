"""Cameras of Human3.6M, from ``metadata.xml`` of its code release."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.datasets.converters.input_files import version_of

_SUBJECTS = 11
_CAMERAS = 4
_EXTRINSICS = 6 * _SUBJECTS * _CAMERAS
_MILLIMETER = 1e-3


@dataclass(frozen=True)
class H36MCamera:
    """Camera during the recording of one subject.

    Attributes:
        rotation: (3, 3) world to camera.
        center: (3,) meters, world frame.
        focal_lengths: (2,) pixels.
        principal_point: (2,) pixels.
        distortion: (5,) k1, k2, p1, p2, k3, in OpenCV's order. The 2D labels of the dataset are distorted, by
            several pixels far from the image center.
    """

    rotation: np.ndarray
    center: np.ndarray
    focal_lengths: np.ndarray
    principal_point: np.ndarray
    distortion: np.ndarray

    def from_world(self, points: np.ndarray) -> np.ndarray:
        """Transform points (..., 3) in meters from the world frame to the camera frame."""
        return (points - self.center) @ self.rotation.T


def read_cameras(path: Path) -> dict[tuple[str, str], H36MCamera]:
    """Read all cameras.

    ``w0`` has 300 numbers: three angles and the center in millimeters for each camera and subject, then two
    focal lengths, the principal point, three radial and two tangential coefficients for each camera.

    Args:
        path: ``metadata.xml``.

    Returns:
        Cameras by subject (``S1``) and camera (``60457274``).

    Raises:
        ValueError: The file is damaged or has unexpected content.
    """
    return _read(path, version_of(path))


@lru_cache(1)
def _read(path: Path, _modified: int) -> dict[tuple[str, str], H36MCamera]:
    try:
        root = ElementTree.parse(path).getroot()
        numbers = np.array(_text(root, 'w0').strip().strip('[]').split(), np.float64)
        names = [str(element.text).strip() for element in root.iterfind('dbcameras/index2id/*')]
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(
            f'{path}: cannot be read ({error}); expected metadata.xml of the code release of Human3.6M'
        ) from error
    if len(numbers) < _EXTRINSICS + 9 * _CAMERAS or len(names) != _CAMERAS:
        raise ValueError(
            f"{path}: 'w0' has {len(numbers)} numbers and 'dbcameras' {len(names)} cameras, "
            'expected 300 and 4. Is it metadata.xml of the code release of Human3.6M?'
        )
    extrinsics = numbers[:_EXTRINSICS].reshape(_CAMERAS, _SUBJECTS, 6)
    intrinsics = numbers[_EXTRINSICS : _EXTRINSICS + 9 * _CAMERAS].reshape(_CAMERAS, 9)
    cameras = {}
    for i, name in enumerate(names):
        f, c, radial, tangential = np.split(intrinsics[i], (2, 4, 7))
        for subject in range(_SUBJECTS):
            angles, center = np.split(extrinsics[i, subject], 2)
            cameras[f'S{subject + 1}', name] = H36MCamera(
                Rotation.from_euler('XYZ', angles).as_matrix(),
                _MILLIMETER * center,
                f,
                c,
                np.concatenate([radial[:2], tangential, radial[2:]]),
            )
    return cameras


def _text(root: ElementTree.Element, name: str) -> str:
    text = root.findtext(name)
    if text is None:
        raise ValueError(f'it has no <{name}>')
    return text
