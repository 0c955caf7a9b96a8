"""Give wrong content to the readers of annotations, boxes and images; find messages that name no file.

``python tests/fuzz/fuzz_inputs.py --cases 300`` runs all targets (``make reliability``), the tests a short
form.
A case is made from the seed and its number alone, so ``--first 123 --cases 1`` repeats one.
"""

import argparse
import io
import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, features

from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.given_people import GivenPeople
from mmroi.datasets import BadSampleError, HumanImageDataset, LoadImage
from mmroi.datasets.converters import convert_split
from mmroi.datasets.image_checks import image_size
from mmroi.registry import CONVERTERS

ROWS = 4
SIDE = 96  # of the images, pixels
Random = np.random.Generator


class Wrong(AssertionError):
    """A reader that accepted what it must not, or failed without the name of the file."""


def _annotations(rng: Random) -> dict[str, Any]:
    """People as ``HumanData`` stores them."""
    points = rng.uniform(20, 80, (ROWS, 54, 2))
    ones = np.ones((ROWS, 54, 1))
    return dict(
        image_path=np.array([f'{i}.png' for i in range(ROWS)]),
        bbox_xywh=np.tile(np.array([10.0, 10, 70, 80, 1]), (ROWS, 1)),
        keypoints2d=np.concatenate((points, ones), 2),
        keypoints2d_mask=np.ones(54, np.uint8),
        keypoints2d_convention='smpl_54',
        keypoints3d=np.concatenate((rng.normal(0, 0.3, (ROWS, 54, 3)) + (0, 0, 5), ones), 2),
        keypoints3d_mask=np.ones(54, np.uint8),
        keypoints3d_convention='smpl_54',
        smpl=dict(
            global_orient=rng.normal(0, 1, (ROWS, 3)),
            body_pose=rng.normal(0, 0.2, (ROWS, 23, 3)),
            betas=rng.normal(0, 1, (ROWS, 10)),
            transl=np.tile(np.array([0.0, 0, 5]), (ROWS, 1)),
        ),
        has_smpl=np.ones(ROWS, np.uint8),
        meta=dict(gender=['m', 'f', 'n', 'neutral']),
        misc=dict(focal_length=np.full(ROWS, 140.0), principal_point=np.full((ROWS, 2), 48.0)),
    )


def _spin(rng: Random) -> dict[str, Any]:
    """People as SPIN stores them."""
    return dict(
        imgname=np.array([f'{i}.png' for i in range(ROWS)]),
        center=np.full((ROWS, 2), 48.0),
        scale=np.full(ROWS, 0.4),
        part=np.concatenate([rng.uniform(20, 80, (ROWS, 24, 2)), np.ones((ROWS, 24, 1))], 2),
        pose=rng.normal(0, 0.3, (ROWS, 72)),
        shape=rng.normal(0, 1, (ROWS, 10)),
        has_smpl=np.ones(ROWS),
        gender=np.array([0, 1, -1, 0]),
    )


_OTHERS: tuple[Any, ...] = (
    None,
    0,
    -1.5,
    float('nan'),
    True,
    'text',
    '',
    b'\xff\xfe',
    [],
    {},
    [None] * ROWS,
    ['a', b'b', None, 3],
    [[1, 2], [3]],
    {'x': [1]},
    np.zeros(0),
    np.zeros((ROWS, 0)),
    np.array([['a', 'b']]),
    np.array([10**30], object),
    np.array(['1999-01-01'], 'datetime64[D]'),
)
_WORDS = (
    'a\0b',
    'http://x/y.png',
    '../../etc/passwd',
    'x' * 300,
    '\udcff.png',
    '/dev/null',
    'neutral',
    '2',
    '',
)


def _spoil(value: Any, rng: Random) -> Any:
    """Replace a value, or change its type, its shape or some of its elements."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        changed = {**value, key: _spoil(value[key], rng)}
        if rng.random() < 0.1:
            del changed[key]
        return changed
    if not isinstance(value, np.ndarray | list) or not np.size(np.array(value, object)) or rng.random() < 0.2:
        return _OTHERS[rng.integers(len(_OTHERS))]
    array = np.array(value)
    kind = rng.integers(10)
    if kind == 0:
        return array[:-1]
    if kind == 1:
        return array[..., None]
    if kind == 2:
        return array.T
    if kind == 3:
        return array.astype(rng.choice(['U', 'S', 'O']))
    if kind == 4 and array.dtype.kind in 'iuf':
        return array.astype(rng.choice(['f2', 'c16', 'i1', 'bool', 'u8']))
    if kind == 5 and array.dtype.kind in 'iuf':
        return array * rng.choice([0, -1, 1e3, 1e30, 1e300, np.inf])
    if kind == 6:
        return np.concatenate([array, array])
    if kind == 7:
        return array.ravel()[: rng.integers(array.size + 1)]
    mixed = array.astype(object)  # some elements of another kind
    words = _WORDS if array.dtype.kind in 'US' else (np.nan, np.inf, None, 'x', 1e300, -1, 0, [1])
    for _ in range(rng.integers(1, 4)):
        mixed.flat[rng.integers(mixed.size)] = words[rng.integers(len(words))]
    try:
        return mixed.astype(array.dtype) if kind == 8 else mixed
    except (TypeError, ValueError, OverflowError):
        return mixed


def _write_images(folder: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    for i in range(ROWS):
        cv2.imwrite(str(folder / f'{i}.png'), photo)


def _spoil_some(members: dict[str, Any], rng: Random) -> dict[str, Any]:
    for _ in range(rng.integers(1, 3)):
        key = rng.choice(sorted(members))
        members[key] = _spoil(members[key], rng)
        if rng.random() < 0.05:
            del members[key]
    return members


def _write_npz(path: Path, members: dict[str, Any]) -> None:
    arrays = {}
    for key, value in members.items():
        try:
            arrays[key] = value if isinstance(value, np.ndarray) else np.asanyarray(value)
        except ValueError:  # lists of several lengths
            arrays[key] = np.array(value, object)
    np.savez(path, **arrays)


def fuzz_annotations(rng: Random, folder: Path) -> bool:
    """Read a ``HumanData`` file; return whether it was accepted."""
    _write_images(folder)
    _write_npz(folder / 'people.npz', _spoil_some(_annotations(rng), rng))
    try:
        skip_bad = bool(rng.integers(2))
        data = HumanImageDataset('people.npz', str(folder), pipeline=[LoadImage()], skip_bad=skip_bad)
        for i in range(len(data)):
            sample = data[i]
            for key in ('bbox_xywh', 'keypoints2d', 'keypoints3d', 'betas', 'pelvis', 'focal_length'):
                if not np.isfinite(sample[key]).all():
                    raise Wrong(f'{key} of row {i} is {sample[key]}')
            if sample['gender'] not in ('m', 'f', 'n', 'neutral', ''):
                raise Wrong(f'gender of row {i} is {sample["gender"]!r}')
    except (ValueError, KeyError, OSError) as error:
        _check_message(error, 'people.npz')
        return False
    except Exception as error:
        _check_message(error, 'people.npz')  # refused pickles and BaseDataset's own errors
        return False
    return True


def fuzz_spin(rng: Random, folder: Path) -> bool:
    """Convert a file of SPIN; return whether it was accepted."""
    _write_images(folder)
    _write_npz(folder / 'labels.npz', _spoil_some(_spin(rng), rng))
    try:
        spin = CONVERTERS.get('spin')(folder, labels_file=Path('labels.npz'))
        convert_split(spin, 'train', folder / 'out', skip_bad=bool(rng.integers(2)), progress=False)
    except (ValueError, OSError) as error:
        _check_message(error, str(folder), 'spin train')
        return False
    return True


def _box_files(rng: Random) -> Any:
    """Boxes in one of the kinds of files."""
    box = [10, 12, 60, 90]
    person = dict(image_id='photo', category_id=1, bbox=[10, 12, 50, 78], score=0.9)
    kinds: tuple[Any, ...] = (
        [box, [*box, 0.5]],
        {'photo.jpg': [box], 'other.jpg': [box]},
        [person, dict(person, category_id=3)],
        dict(
            images=[dict(id=1, file_name='photo.jpg')],
            categories=[dict(id=1, name='person')],
            annotations=[dict(person, image_id=1), dict(person, image_id=9)],
        ),
        dict(labels=[0, 1], scores=[0.9, 0.8], bboxes=[box, box]),
        [dict(bbox=[box], bbox_score=0.9)],
        dict(schema_version='1.0', people=[dict(bbox=box, bbox_score=1)]),
    )
    return kinds[rng.integers(len(kinds))]


_JSON = (
    None,
    0,
    -1,
    1e308,
    float('nan'),
    float('inf'),
    10**400,
    True,
    'x',
    '',
    [],
    {},
    [[]],
    [None],
    [1, 2],
    {'a': 1},
)


def _spoil_json(value: Any, rng: Random) -> Any:
    """Replace some part of a JSON value."""
    if rng.random() < 0.15 or not isinstance(value, list | dict) or not value:
        return _JSON[rng.integers(len(_JSON))]
    if isinstance(value, dict):
        key = rng.choice(list(value))
        changed = {**value, str(key): _spoil_json(value[key], rng)}
        if rng.random() < 0.15:
            del changed[key]
        return changed
    at = int(rng.integers(len(value)))
    kind = rng.integers(6)
    if kind == 0:
        return value[:at] + value[at + 1 :]
    if kind == 1:
        return value * 2
    return [*value[:at], _spoil_json(value[at], rng), *value[at + 1 :]]


def fuzz_boxes(rng: Random, folder: Path) -> bool:
    """Read a file of boxes; return whether it was accepted."""
    text = json.dumps(_spoil_json(_box_files(rng), rng)).encode(rng.choice(['utf-8', 'utf-8-sig', 'utf-16']))
    if rng.random() < 0.1:
        text = text[: rng.integers(len(text))]
    (folder / 'boxes.json').write_bytes(text)
    try:
        people = GivenPeople(folder / 'boxes.json')
    except BadInputError as error:
        _check_message(error, 'boxes.json')
        return False
    (found,) = people([Frame(np.zeros((SIDE, SIDE, 3), np.uint8), 'photo', 'x/photo.jpg')])
    sizes = found.bboxes[:, 2:] - found.bboxes[:, :2]
    if not (np.isfinite(found.bboxes).all() and np.isfinite(found.scores).all() and (sizes > 1).all()):
        raise Wrong(f'boxes {found.bboxes.tolist()} with scores {found.scores.tolist()}')
    for words in (*map(str, found.problems), *people.notes):
        if 'photo.jpg' not in words and 'boxes.json' not in words:
            raise Wrong(f'no file is named: {words}')
    return True


_FORMATS = ('JPEG', 'PNG', 'GIF', 'WEBP', 'TIFF', 'BMP', 'PPM', *(['AVIF'] if features.check('avif') else []))


def fuzz_images(rng: Random, folder: Path) -> bool:
    """Decode a damaged image; return whether it was accepted."""
    stream = io.BytesIO()
    mode = rng.choice(['RGB', 'L', 'RGBA', 'P', 'CMYK', 'I;16'])
    kind = str(rng.choice(_FORMATS))
    photo = np.kron(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    image = Image.fromarray(photo)
    try:
        (
            Image.fromarray(photo[..., 0].astype(np.uint16) << 8) if mode == 'I;16' else image.convert(mode)
        ).save(stream, kind)
    except (OSError, ValueError):  # the format has no such mode
        stream = io.BytesIO()
        image.save(stream, kind)
    data = bytearray(stream.getvalue())
    for _ in range(rng.integers(1, 4)):
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 30))
        damage = rng.integers(4)
        if damage == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif damage == 1:
            data[at : at + length] = rng.bytes(length)
        elif damage == 2:
            data[at : at + length] = b''
        else:
            data = data[: max(1, at)]
    path = folder / 'photo.jpg'
    path.write_bytes(data)
    results = []
    for read in (
        lambda: LoadImage()(dict(img_path=str(path)))['img'].shape[:2],
        lambda: image_size(str(path)),
    ):
        try:
            results.append(read())
        except BadSampleError as error:
            _check_message(error, 'photo.jpg')
            results.append(None)
    if None not in results and results[0] != results[1]:
        raise Wrong(f'decoded to {results[0]}, while the check finds {results[1]}')
    return results[0] is not None


def _check_message(error: BaseException, *names: str) -> None:
    words = str(error)
    if not any(name in words for name in names):
        raise Wrong(f'no file is named: {type(error).__name__}: {words[:300]}') from error


TARGETS: dict[str, Callable[[Random, Path], bool]] = dict(
    annotations=fuzz_annotations, spin=fuzz_spin, boxes=fuzz_boxes, images=fuzz_images
)


def run(target: str, first: int, cases: int, seed: int = 0) -> Iterator[str]:
    """Run cases of a target.

    Args:
        target: A key of ``TARGETS``.
        first: Number of the first case.
        cases: Number of cases.
        seed: Of all cases.

    Yields:
        A description of each wrong one, and at the end how many were accepted.
    """
    accepted = 0
    for number in range(first, first + cases):
        with tempfile.TemporaryDirectory() as folder:
            try:
                accepted += TARGETS[target](np.random.default_rng((seed, number)), Path(folder))
            except Exception as error:
                where = traceback.extract_tb(error.__cause__.__traceback__ if error.__cause__ else None)
                place = f' at {Path(where[-1].filename).name}:{where[-1].lineno}' if where else ''
                yield f'{target} {number}: {type(error).__name__}: {error}{place}'
    print(f'{target}: {cases} cases, {accepted} accepted')


def main() -> None:
    """Run the targets; the exit status is 1 if a case went wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--targets', nargs='+', choices=TARGETS, default=list(TARGETS))
    parser.add_argument('--cases', type=int, default=300, help='of each target')
    parser.add_argument('--first', type=int, default=0, help='number of the first case')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    wrong = 0
    for target in args.targets:
        for words in run(target, args.first, args.cases, args.seed):
            print(words, flush=True)
            wrong += 1
    sys.exit(f'{wrong} cases went wrong' if wrong else 0)


if __name__ == '__main__':
    main()
