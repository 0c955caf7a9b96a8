"""Find rows of annotations that cannot be used: broken values, wrong units, duplicates.

Both ``HumanImageDataset`` and the converters call these checks, so converted files and files from elsewhere
are held to the same rules.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mmroi.datasets.focal_lengths import TO_PIXELS, least_diagonals

MAX_BODY_SIZE = 4.0
"""Meters, diagonal of the bounding box of a person's 3D keypoints."""
_MAX_DISTANCE = 300.0  # meters from the camera
_MAX_ANGLE = 4 * np.pi  # radians; fitted poses slightly exceed 2 pi
_MAX_BETA = 15.0  # standard deviations; children fitted with adult bodies reach 10
_MAX_CONFIDENCE = 1.25  # peaks of heatmaps slightly exceed 1
_FLAGS = (2, 255)  # COCO's visible; true in 8 bits
# In focal lengths: an image of 10 spans 157 degrees, a person at 10 stands 84 degrees beside the axis.
_MAX_IMAGE, _MAX_OFFSET = 10.0, 10.0
_MAX_PIXELS = 1e6
_LARGEST = np.finfo(np.float32).max

UNIT_FAULTS = {
    f'body larger than {MAX_BODY_SIZE:g} m': 'lengths must be in meters, not millimeters',
    f'person farther than {_MAX_DISTANCE:g} m': 'lengths must be in meters, not millimeters',
    'rotation beyond 4 pi': 'angles must be in radians, not degrees',
    f'betas beyond {_MAX_BETA:g}': 'betas must be the shape coefficients of SMPL, in standard deviations',
    'confidence beyond 1': 'confidences must be between 0 and 1, or 0, 1 and 2 as in COCO, or 0 and 255',
    'implausible focal length': 'focal lengths must be in pixels of the image, not normalized; if they are '
    f'in mm (35 mm equivalent), {TO_PIXELS}',
    'implausible principal point': 'principal points must be in pixels from the corner of the image',
    'box within a pixel': 'boxes must be x, y, width and height in pixels of the image, not normalized',
}
"""Faults that indicate wrong units when most rows of a file have them, and how to fix the file."""
_TOO_LARGE, _TOO_FAR, _TOO_TWISTED, _TOO_SHAPED, _TOO_SURE, _BAD_FOCAL, _BAD_CENTER, _TOO_SMALL = UNIT_FAULTS

REASONS = (
    'missing image',
    'truncated image',
    'unreadable image',
    'image outside its folder',
    'NaN box',
    'zero-area box',
    'box outside the image',
    'NaN labels',
    'focal length not positive',
    *UNIT_FAULTS,
    'duplicated row',
)
SMPL_KEYS = ('global_orient', 'body_pose', 'betas', 'transl')


class BadSampleError(ValueError):
    """A row of a dataset cannot be used.

    ``HumanImageDataset`` adds the file and the row to the message, or skips and counts the row.

    Args:
        reason: One of ``REASONS``.
        detail: What was found and how to fix it. If empty, ``reason`` is the whole message: torch re-creates
            the error of a loader worker from its text alone.
    """

    def __init__(self, reason: str, detail: str = '') -> None:
        super().__init__(f'{reason}: {detail}' if detail else reason)
        self.reason = reason
        self.detail = detail


def fault_code(reason: str) -> int:
    """Return the code of a reason in arrays of faults, in which 0 marks a good row.

    Args:
        reason: One of ``REASONS``.
    """
    return 1 + REASONS.index(reason)


def fault_reason(code: int) -> str:
    """Return the reason of a nonzero fault code."""
    return REASONS[code - 1]


def find_faults(rows: Mapping[str, np.ndarray]) -> np.ndarray:
    """Check the boxes, labels and cameras of R rows.

    Args:
        rows: ``bbox_xywh`` (R, 4) and any of ``keypoints2d`` (R, K, 3), ``keypoints3d`` (R, K, 4),
            ``global_orient`` (R, 3), ``body_pose`` (R, 23, 3), ``betas`` (R, 10), ``transl`` (R, 3),
            ``has_smpl`` (R,), ``focal_length`` (R,) or (R, 2) and ``principal_point`` (R, 2). Keypoints
            without confidence and SMPL parameters of rows without ``has_smpl`` may hold anything.

    Returns:
        (R,) uint8, 0 for good rows, otherwise the ``fault_code`` of the most basic fault of the row.
    """
    bbox = rows['bbox_xywh']
    num_rows = len(bbox)
    labeled = np.broadcast_to(rows.get('has_smpl', True), num_rows).astype(bool)
    faults = np.zeros(num_rows, np.uint8)
    # Of several faults of a row the last one assigned is reported.
    for key in ('global_orient', 'body_pose'):
        if key in rows:
            faults[labeled & too_twisted(rows[key])] = fault_code(_TOO_TWISTED)
    if 'transl' in rows:
        faults[labeled & too_far(rows['transl'])] = fault_code(_TOO_FAR)
    if 'betas' in rows:
        faults[labeled & _any(np.abs(rows['betas']) > _MAX_BETA)] = fault_code(_TOO_SHAPED)
    if 'keypoints3d' in rows:
        faults[too_large(rows['keypoints3d'])] = fault_code(_TOO_LARGE)
    for key in ('keypoints2d', 'keypoints3d'):
        if key in rows:
            faults[_too_sure(rows[key][..., -1])] = fault_code(_TOO_SURE)
    if 'principal_point' in rows:
        faults[_off_image(bbox, rows['principal_point'], rows.get('focal_length'))] = fault_code(_BAD_CENTER)
    if 'focal_length' in rows:
        faults[_off_scale(bbox, rows['focal_length'])] = fault_code(_BAD_FOCAL)
        faults[_any(rows['focal_length'] <= 0)] = fault_code('focal length not positive')
    faults[_find_nan_labels(rows, labeled)] = fault_code('NaN labels')
    faults[(bbox[:, 2:] < 1).all(1)] = fault_code(_TOO_SMALL)
    faults[(bbox[:, 2:] <= 0).any(1)] = fault_code('zero-area box')
    faults[_find_nan(bbox)] = fault_code('NaN box')
    return faults


def find_wrong_units(faults: np.ndarray) -> tuple[str, np.ndarray] | None:
    """Find a unit fault that more than half of the rows have, which is a fault of the file.

    Args:
        faults: (R,) fault codes.

    Returns:
        The fault, a key of ``UNIT_FAULTS``, and the indices of its rows; None if there is no such fault.
    """
    for reason in UNIT_FAULTS:
        found = np.flatnonzero(faults == fault_code(reason))
        if 2 * len(found) > len(faults):
            return reason, found
    return None


def find_duplicates(boxes: np.ndarray, image_of: Callable[[int], str]) -> np.ndarray:
    """Find rows with the image and the box of an earlier row.

    Args:
        boxes: (R, 4) x, y, width, height.
        image_of: Returns the image path of a row. Called only for rows that share their box with another row:
            reading paths costs more than comparing numbers, and few people of different images share a box.

    Returns:
        (R,) bool.
    """
    mixed = _hash(boxes)
    order = np.argsort(mixed)
    equal = mixed[order[1:]] == mixed[order[:-1]]
    del mixed
    found = np.zeros(len(boxes), bool)
    seen = set()
    for i in np.union1d(order[1:][equal], order[:-1][equal]):
        person = (image_of(i), boxes[i].tobytes())
        found[i] = person in seen
        seen.add(person)
    return found


def _hash(boxes: np.ndarray) -> np.ndarray:
    """(R,) uint64, equal for equal boxes (R, 4): one number is sorted in a tenth of the time of four."""
    mixed = np.zeros(len(boxes), np.uint64)
    for column in boxes.T:
        mixed ^= column.astype(np.float64).view(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: Knuth's
        mixed ^= mixed >> np.uint64(32)  # the low bits of round numbers are zero
    return mixed


def body_sizes(keypoints3d: np.ndarray) -> np.ndarray:
    """Compute the diagonals of the bounding boxes of people's keypoints.

    Args:
        keypoints3d: (R, K, 4) x, y, z and confidence. Keypoints without confidence are ignored.

    Returns:
        (R,) in the unit of the keypoints; 0 for rows without keypoints.
    """
    columns = np.ascontiguousarray(keypoints3d.transpose(1, 2, 0))  # five times as fast with rows last
    points, seen = columns[:, :3], columns[:, 3:] > 0
    everything = bool(seen.all())
    low = (points if everything else np.where(seen, points, np.inf)).min(0, initial=np.inf)
    high = (points if everything else np.where(seen, points, -np.inf)).max(0, initial=-np.inf)
    with np.errstate(invalid='ignore'):
        extent = np.where(high >= low, high - low, 0)
    return np.linalg.norm(extent, axis=0)


def too_large(keypoints3d: np.ndarray) -> np.ndarray:
    """Find people whose keypoints are too far apart to be in meters.

    Args:
        keypoints3d: (R, K, 4) x, y, z and confidence.

    Returns:
        (R,) bool.
    """
    return body_sizes(keypoints3d) > MAX_BODY_SIZE


def too_far(transl: np.ndarray) -> np.ndarray:
    """Find people too far from the camera for a translation in meters.

    Args:
        transl: (R, 3).

    Returns:
        (R,) bool.
    """
    return np.linalg.norm(transl, axis=1) > _MAX_DISTANCE


def too_twisted(rotations: np.ndarray) -> np.ndarray:
    """Find people with a rotation too large to be in radians.

    Args:
        rotations: (R, 3) or (R, J, 3) axis-angle.

    Returns:
        (R,) bool.
    """
    with np.errstate(over='ignore', invalid='ignore'):
        squares = np.einsum('...i,...i->...', rotations, rotations)  # faster than norms
        return _any(squares > _MAX_ANGLE**2)


def _too_sure(confidences: np.ndarray) -> np.ndarray:
    """(R,) bool: rows with a confidence (R, K) that is neither a probability nor a known flag."""
    high = confidences > _MAX_CONFIDENCE
    return _any(high & ~np.isin(confidences, _FLAGS)) if high.any() else _any(high)


def _off_scale(bbox: np.ndarray, focal_length: np.ndarray) -> np.ndarray:
    """(R,) bool: rows whose focal length, (R,) or (R, 2), cannot be in pixels."""
    focal_length = _as_columns(focal_length)
    size = np.maximum(bbox[:, 2:].max(1), least_diagonals(bbox))[:, None]
    return _any((focal_length * _MAX_IMAGE < size) | (focal_length > _MAX_PIXELS))


def _as_columns(focal_length: np.ndarray) -> np.ndarray:
    """(R, 1) or (R, 2) of (R,) or (R, 2)."""
    return focal_length[:, None] if focal_length.ndim == 1 else focal_length


def _off_image(bbox: np.ndarray, principal_point: np.ndarray, focal_length: np.ndarray | None) -> np.ndarray:
    """(R,) bool: rows whose principal point is far from the person, or normalized or unknown: 1 or less."""
    far = np.abs(principal_point) > _MAX_PIXELS
    if focal_length is not None:
        offset = np.abs(bbox[:, :2] + bbox[:, 2:] / 2 - principal_point)
        far |= offset > _MAX_OFFSET * _as_columns(focal_length)
    return _any(far) | (np.abs(principal_point) <= 1).all(1)


def _find_nan_labels(rows: Mapping[str, np.ndarray], labeled: np.ndarray) -> np.ndarray:
    """(R,) bool: rows with NaN or infinite labels or cameras."""
    found = np.zeros(len(labeled), bool)
    for key in ('keypoints2d', 'keypoints3d'):
        if key in rows:
            values = rows[key]
            if _find_nan(values).any():
                found |= _find_nan(np.where(values[..., -1:] <= 0, 0, values))
    for key in SMPL_KEYS:
        if key in rows:
            found |= labeled & _find_nan(rows[key])
    for key in ('focal_length', 'principal_point'):
        if key in rows:
            found |= _find_nan(rows[key])
    return found


def _find_nan(values: np.ndarray) -> np.ndarray:
    """(R,) bool: rows of (R, ...) with a number that is not finite as float32, as networks take it."""
    if not values.size or (values.min() >= -_LARGEST and values.max() <= _LARGEST):  # as in nearly all files
        return np.zeros(len(values), bool)
    with np.errstate(over='ignore'):
        return _any(~np.isfinite(values.astype(np.float32, copy=False)))


def _any(found: np.ndarray) -> np.ndarray:
    """(R,) bool: rows of (R, ...) with any true value."""
    return np.asarray(found.any(tuple(range(1, found.ndim))))
