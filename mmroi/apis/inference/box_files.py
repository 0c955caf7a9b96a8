"""Files of boxes, as people, COCO's tools, MMDetection, MMPose and this project write them."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference.frames import BadInputError
from mmroi.datasets.coco_annotations import COCO_PERSON, person_annotations
from mmroi.fileio.other_files import name_other_file

_EVERY_FRAME = ''  # name of boxes that belong to no file
_FIRST_LABEL = 0  # of detectors trained on COCO: the person, as labels count from 0
_PERSON = 'person'  # its name, which some programs write instead of the number
_CATEGORY_KEYS = ('category_id', 'category_name', 'category')
_KINDS = (
    "a list of boxes x1, y1, x2, y2, a dictionary of such lists by file name, COCO's annotations or results, "
    'or predictions of MMDetection, MMPose or this tool'
)


@dataclass
class BoxFile:
    """Boxes of a file.

    Attributes:
        where: The file, for messages.
        named: Whether the boxes belong to files or frames by their names.
        rows: Boxes x1, y1, x2, y2 and score by name; those for every frame have the name ``''``.
        faults: Why boxes of a name cannot be used; the others are used.
        notes: What was left out of the file as a whole, or understood in a way that the user should know.
        scored: Whether a box has a score.
    """

    where: str
    named: bool = True
    rows: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    scored: bool = False

    def boxes(self, name: str = _EVERY_FRAME) -> np.ndarray:
        """Return the boxes of a name.

        Args:
            name: A key of ``rows``.

        Returns:
            (P, 5) float64, corners in pixels and score.
        """
        return np.array(self.rows[name], np.float64).reshape(-1, 5)


def read_boxes(path: str | Path) -> BoxFile:
    """Read boxes from a file. Boxes that cannot be used are left out and reported.

    Args:
        path: JSON in UTF-8 or with a byte order mark, of one of these kinds:

            * a list of boxes for every frame, see :func:`box_fault`, or a dictionary of such lists by name of
              file or frame;
            * the persons of COCO's annotations (a dictionary with ``images`` and ``annotations``) or results
              (a list of dictionaries). The ``image_id`` of results is a file name, or a number that is the
              stem of the file name. If a category 0 occurs, ids count from 0, and 0 is the person. Instead
              of an id, ``category_id``, ``category_name`` or ``category`` may be the name ``person``;
            * predictions of MMDetection (``bboxes``, ``scores``, ``labels``, of which 0 or ``person`` is the
              person), of MMPose (``bbox``, ``bbox_score``) or of this project (``people``), for every frame;
            * predictions of MMPose for a video (a list of ``frame_id`` and ``instances``), whose name is that
              of the file;
            * a folder of such files, which belong to the images of the same stem.

    Returns:
        The boxes.

    Raises:
        BadInputError: The file cannot be read, has other content, or fewer than half of its boxes can be
            used.
    """
    path = Path(path).expanduser()
    found = BoxFile(str(path))
    if path.is_dir():
        files = sorted(path.glob('*.json'))
        if not files:
            raise BadInputError(f'boxes {path}: the folder contains no .json file; give another one')
        for file in files:
            _collect(_read_json(file), found, file.stem)
    else:
        _collect(_read_json(path), found, _EVERY_FRAME)
    found.named = found.rows.keys() | found.faults.keys() != {_EVERY_FRAME}
    _refuse_if_mostly_wrong(found)
    if not found.named and found.faults[_EVERY_FRAME]:
        found.notes += [f'{fault}; this box is left out' for fault in found.faults.pop(_EVERY_FRAME)]
    return found


def box_fault(row: Sequence[float]) -> str | None:
    """Say why a box cannot be used.

    Args:
        row: x1, y1, x2, y2 in pixels.

    Returns:
        A sentence without the origin of the box; None for a good box.
    """
    x1, y1, x2, y2 = row[:4]
    shown = f'box ({", ".join(f"{value:g}" for value in row[:4])})'
    if not all(map(math.isfinite, row)) or x2 <= x1 or y2 <= y1:
        return f'{shown} must be x1, y1, x2, y2 in pixels, x1 < x2 and y1 < y2'
    if x2 - x1 <= 1 or y2 - y1 <= 1:
        inside = max(map(abs, row[:4])) <= 1
        return f'{shown} ' + (
            'looks like shares of the image, expected pixels; multiply by its width and height'
            if inside
            else 'is not larger than a pixel; give x1, y1, x2, y2 in pixels'
        )
    return None


def _read_json(path: Path) -> Any:
    content = b''
    try:
        content = path.read_bytes()
        # bytes: JSON finds out whether they are UTF-8 or UTF-16, with or without byte order mark
        return json.loads(content)
    except OSError as error:
        raise BadInputError(f'boxes {path} cannot be read ({error.strerror}); check the path') from None
    except (ValueError, RecursionError):
        other = name_other_file(content)
        raise BadInputError(
            f'boxes {path} {other or "is not JSON; give boxes as JSON or as a COCO file"}'
        ) from None


def _collect(content: Any, found: BoxFile, name: str) -> None:
    """Add the boxes of one file.

    Args:
        content: The content.
        found: Receives the boxes.
        name: Name of the boxes if the content does not name them.
    """
    found.rows[name] += []
    try:
        if isinstance(content, dict):
            _collect_dict(content, found, name)
        elif isinstance(content, list) and _is_video(content):
            _add_frames(content, found, name)
        elif isinstance(content, list) and content and isinstance(content[0], dict):
            of_coco = any(key in content[0] for key in ('image_id', 'file_name', *_CATEGORY_KEYS))
            (_add_coco_results if of_coco else _add_instances)(content, found, name)
        else:
            _add_rows(content, found, name)
    except BadInputError:
        raise
    except Exception as error:  # JSON of other kinds raises anything
        reason = f'an entry lacks {error}' if isinstance(error, KeyError) else str(error)
        raise BadInputError(f'boxes {found.where}: {reason}; a file has {_KINDS}') from None
    if name == _EVERY_FRAME and len(found.rows) > 1 and not found.rows[name]:
        del found.rows[name]  # all of them are named


def _is_video(content: Any) -> bool:
    """Whether these are MMPose's predictions for the frames of a video."""
    return bool(content) and all(
        isinstance(one, dict) and {'frame_id', 'instances'} <= one.keys() for one in content
    )


def _add_frames(frames: Sequence[dict[str, Any]], found: BoxFile, name: str, first: int = 0) -> None:
    """Add the predictions of MMPose for a video, whose frames are counted from ``first``."""
    del found.rows[name]
    video = name or Path(found.where).stem
    for frame in frames:
        key = f'{video}_{int(frame["frame_id"]) - first:06d}'
        found.rows[key] += []
        _add_instances(frame['instances'], found, key)


def _collect_dict(content: dict[str, Any], found: BoxFile, name: str) -> None:
    if {'images', 'annotations'} <= content.keys():
        del found.rows[name]
        _add_coco_annotations(content, found)
    elif 'bboxes' in content:
        _add_detections(content, found, name)
    elif _is_video(content.get('instance_info')):
        _add_frames(content['instance_info'], found, name, first=1)  # as MMPose's demos count
    elif 'instance_info' in content or ('people' in content and 'schema_version' in content):
        _add_instances(content.get('instance_info', content.get('people')), found, name)
    else:
        del found.rows[name]
        for key, boxes in content.items():
            found.rows[str(key)] += []
            _add_rows(boxes, found, str(key))


def _add_rows(boxes: Any, found: BoxFile, name: str) -> None:
    """Add rows of numbers, or a single one."""
    wrong = 'boxes must be rows of x1, y1, x2, y2 in pixels and an optional score'
    if not isinstance(boxes, list):
        raise BadInputError(f'{_origin(found.where, name)}: {wrong}; a file has {_KINDS}')
    for row in [boxes] if boxes and not isinstance(boxes[0], list | dict) else boxes:
        try:
            numbers = [float(value) for value in row]
        except (TypeError, ValueError, OverflowError):
            numbers = []
        if isinstance(row, list) and len(numbers) in (4, 5):
            _add(found, name, numbers[:4], numbers[4] if len(numbers) == 5 else None)
        else:
            found.faults[name].append(f'{wrong}, not {str(row)[:60]}')


def _add_coco_annotations(content: dict[str, Any], found: BoxFile) -> None:
    orphans: list[Mapping[str, Any]] = []
    annotations = content['annotations']
    person, note = _person_category(a.get('category_id', COCO_PERSON) for a in annotations)
    if note and not content.get('categories'):
        found.notes.append(note)
        content = dict(content, categories=[dict(id=person, name='person'), dict(id=None, name='other')])
    for image, people in person_annotations(content, orphans=orphans):
        name = str(image['file_name'])
        found.rows[name] += []
        for one in people:
            if not one.get('iscrowd'):
                _add_xywh(found, name, one)
    if orphans:
        ids = sorted({str(one.get('image_id')) for one in orphans})
        found.notes.append(
            f'{len(orphans)} of {len(annotations)} annotations belong to images that it does not list '
            f'({_listed(ids)}) and are left out'
        )


def _add_coco_results(results: Sequence[dict[str, Any]], found: BoxFile, _: str) -> None:
    categories = [_category(result) for result in results]
    person, note = _person_category(categories)
    found.notes += [note] if note else []
    others: Counter[Any] = Counter()
    for result, category in zip(results, categories, strict=True):
        name = str(result['file_name'] if 'file_name' in result else result['image_id'])
        found.rows[name] += []
        if category in (person, _PERSON):
            _add_xywh(found, name, result)
        else:
            others[category] += 1
    if sum(others.values()) == len(results):
        raise BadInputError(
            f'boxes {found.where}: none of its {len(results)} results is a person (category_id {person}), '
            f'only {_listed(map(str, others))}; write the persons with category_id {COCO_PERSON} or '
            f'{_PERSON!r}'
        )
    _note_others(found, others, len(results), f'category_id {person}')


def _add_detections(content: dict[str, Any], found: BoxFile, name: str) -> None:
    """Add the predictions of MMDetection for one image."""
    boxes = content['bboxes']
    scores = content.get('scores', [None] * len(boxes))
    labels = content.get('labels', [_FIRST_LABEL] * len(boxes))
    if not len(boxes) == len(scores) == len(labels):
        raise BadInputError(
            f'{_origin(found.where, name)}: has {len(boxes)} bboxes, {len(scores)} scores and {len(labels)} '
            'labels, expected as many of each; write the file again'
        )
    others: Counter[Any] = Counter()
    for box, score, label in zip(boxes, scores, labels, strict=True):
        if _number(label) in (_FIRST_LABEL, _PERSON):
            _add(found, name, box, score)
        else:
            others[label] += 1
    _note_others(found, others, len(boxes), f'label {_FIRST_LABEL}')


def _add_instances(instances: Any, found: BoxFile, name: str) -> None:
    """Add people that have their corners in ``bbox``, which MMPose puts in a list of its own."""
    for one in instances:
        if 'bbox' not in one:
            raise BadInputError(f"{_origin(found.where, name)}: a person lacks 'bbox'; a file has {_KINDS}")
        box = one['bbox'][0] if len(one['bbox']) == 1 else one['bbox']
        _add(found, name, box, one.get('bbox_score'))


def _add_xywh(found: BoxFile, name: str, entry: Mapping[str, Any]) -> None:
    try:
        x, y, width, height = (float(value) for value in entry['bbox'])
    except KeyError:
        found.faults[name].append("lacks 'bbox'")
    except (TypeError, ValueError, OverflowError):
        found.faults[name].append(f"'bbox' must be x, y, width, height, not {str(entry['bbox'])[:60]}")
    else:
        _add(found, name, (x, y, x + width, y + height), entry.get('score'))


def _add(found: BoxFile, name: str, box: Sequence[Any], score: Any) -> None:
    try:
        row = [float(value) for value in box]
        value = float(1 if score is None else score)
    except (TypeError, ValueError, OverflowError):
        found.faults[name].append(f'box {str(box)[:60]} with score {str(score)[:20]} has no numbers')
        return
    fault = f'box {row} must have four numbers' if len(row) != 4 else box_fault(row)
    if fault:
        found.faults[name].append(fault)
    else:
        found.rows[name].append([*row, value if math.isfinite(value) else 0.0])
        found.scored |= score is not None


def _person_category(ids: Iterable[Any]) -> tuple[int, str | None]:
    """Return the category of persons, and a note if it is not COCO's."""
    if 0 not in set(map(_number, ids)):
        return COCO_PERSON, None
    return 0, "category ids count from 0 here, so 0 is taken as the person (COCO's is 1)"


def _category(result: Mapping[str, Any]) -> Any:
    """Return number or name of the category of a result; COCO's number of persons if it has none."""
    return next((_number(result[key]) for key in _CATEGORY_KEYS if key in result), COCO_PERSON)


def _number(value: Any) -> Any:
    """Return a number that is written as text, or a name in lower case."""
    return (int(value) if value.isdecimal() else value.lower()) if isinstance(value, str) else value


def _note_others(found: BoxFile, others: Counter[Any], total: int, person: str) -> None:
    if others:
        listed = _listed(str(category) for category, _ in others.most_common())
        found.notes.append(
            f'{sum(others.values())} of {total} boxes are no person ({person}) but {listed}; they are left '
            'out'
        )


def _refuse_if_mostly_wrong(found: BoxFile) -> None:
    faults = [(name, fault) for name, some in found.faults.items() for fault in some]
    number = len(faults) + sum(map(len, found.rows.values()))
    if faults and 2 * len(faults) > number:
        name, fault = faults[0]
        others = f' ({len(faults)} of {number} boxes cannot be used)' if number > 1 else ''
        raise BadInputError(f'boxes {_origin(found.where, name)}: {fault}{others}')


def _origin(where: str, name: str) -> str:
    return f'{where}, {name}' if name else where


def _listed(words: Iterable[str], most: int = 5) -> str:
    every = list(words)
    return ', '.join(every[:most]) + (', ...' if len(every) > most else '')
