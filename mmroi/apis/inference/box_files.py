"""People's boxes from files: a JSON of one's own, or COCO's annotations and results."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference.frames import BadInputError

# COCO numbers persons 1; results carry no names of categories
_COCO_PERSON = 1


def check_boxes(boxes: Any, where: str) -> np.ndarray:
    """Check boxes and their scores.

    Args:
        boxes: (P, 4) x1, y1, x2, y2, or (P, 5) with scores; one row may stand alone.
        where: What a message names.

    Returns:
        np.ndarray: (P, 5) float64; the score is 1 where none is given.

    Raises:
        BadInputError: The shape is another, a number is not finite or a box has no area.
    """
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros((1, 0))
    if array.size == 0 and array.ndim <= 2 and len(array) == 0:
        return np.zeros((0, 5))
    array = np.atleast_2d(array)
    if array.ndim != 2 or array.shape[1] not in (4, 5):
        raise BadInputError(f'{where}: boxes must be rows of x1, y1, x2, y2 and perhaps a score, in pixels')
    if array.shape[1] == 4:
        array = np.concatenate([array, np.ones((len(array), 1))], axis=1)
    wrong = ~np.isfinite(array).all(axis=1) | (array[:, 2:4] <= array[:, :2]).any(axis=1)
    if wrong.any():
        shown = ', '.join(f'{value:g}' for value in array[wrong.argmax(), :4])
        raise BadInputError(f'{where}: box ({shown}) must be x1, y1, x2, y2 in pixels, x1 < x2 and y1 < y2')
    return array


def read_boxes(path: str | Path) -> np.ndarray | dict[str, np.ndarray]:
    """Read boxes.

    Args:
        path: JSON with a list of boxes (for every frame) or a dict of such lists by name of file or frame, as
            :func:`check_boxes` takes them; or COCO's annotations (a dict with ``images`` and ``annotations``)
            or results (a list of dicts), of which the persons are taken. The ``image_id`` of results is a
            file name, or the number that the file is named by.

    Returns:
        np.ndarray | dict[str, np.ndarray]: (P, 5), for every frame or by name; see :func:`check_boxes`.

    Raises:
        BadInputError: The file is missing or holds something else.
    """
    try:
        content = json.loads(Path(path).expanduser().read_text(encoding='utf-8'))
    except OSError as error:
        raise BadInputError(f'boxes {path} cannot be read ({error.strerror}); check the path') from None
    except ValueError:
        raise BadInputError(f'boxes {path} is no JSON; give boxes as JSON or a file of COCO') from None
    try:
        if isinstance(content, dict) and {'images', 'annotations'} <= content.keys():
            return _coco_annotations(content, str(path))
        if isinstance(content, list) and content and isinstance(content[0], dict):
            return _coco_results(content, str(path))
    except BadInputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f'lacks {error}' if isinstance(error, KeyError) else str(error)
        raise BadInputError(f'boxes {path} looks like a file of COCO but {reason}; check the file') from None
    return as_boxes(content, str(path))


def as_boxes(given: Any, where: str = 'bboxes') -> np.ndarray | dict[str, np.ndarray]:
    """Check boxes for every frame, or by name.

    Args:
        given: As :func:`check_boxes` takes them, or a dict of such by name of file or frame.
        where: What a message names.

    Returns:
        np.ndarray | dict[str, np.ndarray]: (P, 5), likewise.

    Raises:
        BadInputError: From :func:`check_boxes`.
    """
    if isinstance(given, Mapping):
        return {str(name): check_boxes(boxes, f'{where}, {name}') for name, boxes in given.items()}
    return check_boxes(given, where)


def _coco_annotations(content: dict, where: str) -> dict[str, np.ndarray]:
    names = {image['id']: image['file_name'] for image in content['images']}
    categories = content.get('categories')
    persons = {_COCO_PERSON} if not categories else {c['id'] for c in categories if c['name'] == 'person'}
    by_name: dict[str, list] = {name: [] for name in names.values()}
    for annotation in content['annotations']:
        if annotation.get('category_id', _COCO_PERSON) in persons and not annotation.get('iscrowd', 0):
            by_name[names[annotation['image_id']]].append(_row(annotation))
    return as_boxes(by_name, where)  # type: ignore[return-value]


def _coco_results(content: Sequence[dict], where: str) -> dict[str, np.ndarray]:
    by_name: dict[str, list] = {}
    for result in content:
        rows = by_name.setdefault(str(result.get('file_name', result['image_id'])), [])
        if result.get('category_id', _COCO_PERSON) == _COCO_PERSON:
            rows.append(_row(result))
    return as_boxes(by_name, where)  # type: ignore[return-value]


def _row(entry: dict) -> list[float]:
    x, y, width, height = (float(value) for value in entry['bbox'])
    score = float(entry.get('score', 1))
    return [x, y, x + width, y + height, score if math.isfinite(score) else 0.0]
