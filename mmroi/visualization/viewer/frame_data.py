"""Encode frames for the page: JSON with image and meshes as base64."""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from mmroi.visualization.viewer.viewer_frame import ViewerFrame
from mmroi.visualization.viewer.viewer_sequence import ViewerSequence

STEPS = 65535  # quantization steps over the extent of a body
# JSON in a script tag must neither end the script nor open a comment.
_ESCAPES = {ord(character): f'\\u{ord(character):04x}' for character in '<>&\u2028\u2029'}


def encode_frame(frame: ViewerFrame, topology: int, photo_size: int, quality: int) -> str:
    """Encode a frame.

    Args:
        frame: Frame to show.
        topology: Index of its faces in the page.
        photo_size: Maximum length of the image's long side, pixels; larger images are scaled down.
        quality: JPEG quality, 1-100.

    Returns:
        JSON that is safe in a script tag.
    """
    height, width = frame.image.shape[:2]
    # Position of each RoI's camera relative to the body as drawn.
    positions = np.asarray(frame.camera_translation)[:, None] - np.asarray(frame.full_cameras)
    people = []
    for i, vertices in enumerate(np.asarray(frame.vertices, np.float64)):
        people.append(
            dict(
                id=int(frame.ids[i]),
                color=_css(frame.colors[i]),
                mesh=quantize(vertices),
                boxes=frame.boxes[i],
                cameras=frame.full_cameras[i],
                positions=positions[i],
                parameters=frame.parameters[i] if frame.parameters else {},
                std=None if frame.std is None else encode_std(np.asarray(frame.std)[i]),
            )
        )
    return to_json(
        dict(
            name=frame.name,
            size=[width, height],
            photo=_jpeg_uri(frame.image, photo_size, quality),
            topology=topology,
            focalLength=frame.focal_length,
            principalPoint=frame.principal_point,
            aspect=frame.aspect,
            video=frame.video,
            time=frame.time,
            people=people,
        )
    )


def encode_sequence(sequence: ViewerSequence) -> str:
    """Encode the people of a video.

    Args:
        sequence: The video.

    Returns:
        JSON that is safe in a script tag.
    """
    clips = [
        dict(
            id=clip.person,
            color=_css(clip.color),
            start=clip.start,
            end=clip.end,
            std=None if clip.joints_std is None else encode_std(clip.joints_std),
            glb=base64.b64encode(clip.glb).decode('ascii'),
        )
        for clip in sequence.clips
    ]
    return to_json(dict(name=sequence.name, fps=sequence.fps, clips=clips))


def encode_faces(faces: np.ndarray) -> str:
    """Encode triangles.

    Args:
        faces: (F, 3) indices of vertices.

    Returns:
        JSON that is safe in a script tag.
    """
    bits = 16 if faces.size == 0 or faces.max() <= STEPS else 32
    return to_json(dict(bits=bits, data=_base64(faces.astype(f'<u{bits // 8}'))))


def quantize(vertices: np.ndarray) -> dict[str, Any]:
    """Quantize a body to 16 bits per coordinate.

    The error of a coordinate is at most half a step, or extent / 131070: 0.015 mm for a body of 2 m.

    Args:
        vertices: (V, 3) meters.

    Returns:
        ``low`` (3,) and ``step`` (3,) meters, and ``data``, base64 of (V, 3) little-endian uint16; a
        coordinate is low + step * number.
    """
    low, high = (vertices.min(axis=0), vertices.max(axis=0)) if len(vertices) else (np.zeros(3), np.zeros(3))
    step = np.maximum((high - low) / STEPS, 1e-12)
    numbers = np.rint((vertices - low) / step).clip(0, STEPS)
    return dict(low=low.tolist(), step=step.tolist(), data=_base64(numbers.astype('<u2')))


def encode_std(std: np.ndarray) -> str:
    """Encode standard deviations in whole millimeters.

    Args:
        std: Meters, of any shape.

    Returns:
        base64 of uint8 in the order of the array; 255 also stands for more.
    """
    return _base64(np.rint(1000 * std).clip(0, 255).astype(np.uint8))


def to_json(value: Any) -> str:
    """Serialize to JSON that is safe in a script tag.

    Args:
        value: Dicts, lists, strings, numbers, arrays and tensors; numbers that are not finite become null.

    Returns:
        JSON with seven significant digits per number.
    """
    return json.dumps(_plain(value), ensure_ascii=False, separators=(',', ':')).translate(_ESCAPES)


def _plain(value: Any) -> Any:
    """Convert a value to types of JSON."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(f'{value:.7g}') if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _plain(value.tolist()) if hasattr(value, 'tolist') else str(value)


def _jpeg_uri(image: np.ndarray, size: int, quality: int) -> str:
    scale = size / max(image.shape[:2])
    if scale < 1:
        shape = [max(round(side * scale), 1) for side in image.shape[1::-1]]
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError('OpenCV cannot write the image as JPEG')
    return 'data:image/jpeg;base64,' + _base64(data)


def _css(color: Sequence[int]) -> str:
    blue, green, red = (int(value) for value in color)
    return f'#{red:02x}{green:02x}{blue:02x}'


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode('ascii')
