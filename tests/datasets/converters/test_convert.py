"""The framework, with a converter of two units in memory."""

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mmroi.datasets import BadSampleError
from mmroi.datasets.converters import Converter, Part, Unit, convert_split
from mmroi.fileio import HumanData
from mmroi.fileio.atomic import WriteError
from mmroi.fileio.locking import fcntl, reserve
from mmroi.structures import get_convention

from ...conftest import FUZZ_CASES
from .conftest import write_photos


@dataclass(frozen=True)
class Toy(Converter):
    """Two sequences of two people; options spoil one value of the second sequence."""

    spoil: str = ''
    value: float = float('nan')
    crash: bool = False

    name = 'toy'
    splits = ('train', 'test')
    keypoints2d_convention = 'coco'
    keypoints3d_convention = 'smpl'

    def output_name(self, split):
        return f'toy_{split}'

    def units(self, split):
        return [Unit('first', 0), Unit('second', 1)]

    def read(self, split, unit):
        (self.root / 'read.log').open('a').write(f'{unit.name}\n')
        if self.crash and unit.data == 1:
            raise ValueError('second.txt: damaged')
        rng = np.random.default_rng(unit.data)
        rows = dict(
            image_path=np.array([f'{unit.name}/{i}.jpg' for i in range(2)]),
            bbox_xywh=np.tile([10.0, 20, 30, 40], (2, 1)),
            keypoints2d=rng.uniform(1, 100, (2, 17, 3)),
            keypoints3d=rng.uniform(0.1, 1, (2, 24, 4)),
            global_orient=rng.normal(size=(2, 3)),
            body_pose=rng.normal(size=(2, 23, 3)),
            betas=rng.normal(size=(2, 10)),
            transl=rng.normal(size=(2, 3)),
            gender=np.array(['m', 'f']),
            focal_length=np.array([100.0, 200]),
            frame=np.array([3, 4]),
        )
        if self.spoil and unit.data == 1:
            key, _, shape = self.spoil.partition(':')
            if shape:
                rows[key] = np.zeros(eval(shape))
            else:
                rows[key][1] = self.value
        return Part(rows, {'camera not valid': 1 + unit.data})


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    write_photos(tmp_path, [f'{name}/{i}.jpg' for name in ('first', 'second') for i in range(2)])
    return Toy(tmp_path)


def convert(toy: Toy, **kwargs):
    return convert_split(toy, 'train', toy.root / 'out', progress=False, **kwargs)


def test_file_and_summary(toy: Toy):
    summary = convert(toy)
    assert (summary.rows, summary.images) == (4, 4)
    assert summary.left_out == Counter({'camera not valid': 3}) and not summary.skipped
    assert '4 people in 4 images' in str(summary) and '3 (camera not valid)' in str(summary)
    human_data = HumanData.fromfile(summary.path)
    rows = toy.read('train', Unit('second', 1)).rows
    assert list(human_data['image_path']) == ['first/0.jpg', 'first/1.jpg', 'second/0.jpg', 'second/1.jpg']
    np.testing.assert_allclose(human_data['bbox_xywh'], np.tile([10, 20, 30, 40, 1], (4, 1)))
    for key, convention in (('keypoints2d', 'coco'), ('keypoints3d', 'smpl')):
        names = get_convention('human_data')
        columns = [names.index(name) for name in get_convention(convention)]
        rows[key][..., -1] = np.minimum(rows[key][..., -1], 1)
        np.testing.assert_allclose(human_data[key][2:, columns], rows[key], rtol=1e-6)
        assert human_data[f'{key}_mask'].sum() == len(columns)
        assert human_data[f'{key}_convention'] == 'human_data'
    for key in ('global_orient', 'body_pose', 'betas', 'transl'):
        np.testing.assert_allclose(human_data['smpl'][key][2:], rows[key], rtol=1e-6)
    assert human_data['meta']['gender'] == ['m', 'f'] * 2
    assert human_data['misc']['focal_length'].tolist() == [100, 200] * 2
    assert human_data['misc']['frame'].tolist() == [3, 4] * 2
    assert human_data['has_smpl'].tolist() == [1] * 4 and human_data['config'] == 'toy'


def test_processes_give_the_same_file(toy: Toy):
    alone = convert(toy).path.read_bytes()
    assert convert(toy, workers=2).path.read_bytes() == alone


def test_resumes_and_leaves_nothing_behind(toy: Toy):
    with pytest.raises(ValueError, match='second.txt: damaged'):
        convert(replace(toy, crash=True))
    assert sorted(path.name for path in (toy.root / 'out').iterdir()) == ['.toy_train.parts']
    log = toy.root / 'read.log'
    log.unlink()
    # Other settings could give other rows, so nothing is taken over from them.
    convert(toy)
    assert log.read_text() == 'first\nsecond\n'
    assert [path.name for path in (toy.root / 'out').iterdir()] == ['toy_train.npz']
    before = (toy.root / 'out' / 'toy_train.npz').read_bytes()
    os.remove(toy.root / 'second' / '1.jpg')
    with pytest.raises(BadSampleError):
        convert(toy)
    assert (toy.root / 'out' / 'toy_train.npz').read_bytes() == before
    write_photos(toy.root, ['second/1.jpg'])
    log.unlink()
    convert(toy)
    assert log.read_text() == 'second\n'


@pytest.mark.parametrize(
    ('spoil', 'value', 'reason'),
    [
        ('bbox_xywh', np.nan, 'NaN box'),
        ('bbox_xywh', 0.0, 'zero-area box'),
        ('bbox_xywh', 400.0, 'box outside the image'),
        ('keypoints2d', np.nan, 'NaN labels'),
        ('transl', np.inf, 'NaN labels'),
        ('body_pose', 90.0, 'rotation beyond 4 pi'),
        ('transl', 4000.0, 'person farther than 300 m'),
        ('focal_length', 0.0, 'focal length not positive'),
    ],
)
def test_bad_row(toy: Toy, spoil: str, value: float, reason: str):
    if spoil == 'keypoints2d':  # confidence too, else the joint does not count
        value = np.array([np.nan, 1, 1])
    bad = replace(toy, spoil=spoil, value=value)
    with pytest.raises(BadSampleError, match=f'{reason}: row 1 of toy train, second, image second/1.jpg'):
        convert(bad)
    summary = convert(bad, skip_bad=True)
    assert summary.rows == 3 and summary.skipped == Counter({reason: 1})
    assert f'skipped as bad: 1 ({reason})' in str(summary)


def test_no_confidence_is_above_one(toy: Toy):
    human_data = HumanData.fromfile(convert(replace(toy, spoil='keypoints2d', value=2.0)).path)
    kept = human_data['keypoints2d'][3, human_data['keypoints2d_mask'] > 0]
    np.testing.assert_array_equal(kept, np.tile([2, 2, 1], (17, 1)))


def test_joint_without_confidence_may_hold_anything(toy: Toy):
    assert convert(replace(toy, spoil='keypoints2d', value=np.array([np.nan, np.nan, 0]))).rows == 4


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda photo: photo.unlink(), 'missing image'),
        (lambda photo: photo.write_bytes(b'no image'), 'unreadable image'),
        (lambda photo: photo.write_bytes(photo.read_bytes()[:-100]), 'truncated image'),
    ],
)
def test_bad_image(toy: Toy, spoil, reason: str):
    spoil(toy.root / 'first' / '0.jpg')
    with pytest.raises(BadSampleError, match=f'{reason}: row 0 of toy train, first, image first/0.jpg'):
        convert(toy)
    assert convert(toy, skip_bad=True).skipped == Counter({reason: 1})
    assert convert(toy, check_images=False).rows == 4


def test_image_with_data_after_its_end_is_good(toy: Toy):
    with open(toy.root / 'first' / '0.jpg', 'ab') as file:
        file.write(b'appended by a camera')
    assert convert(toy).rows == 4


def test_duplicated_row(toy: Toy):
    class Doubled(Toy):
        def read(self, split, unit):
            return super().read(split, Unit('first', 0))

    doubled = Doubled(toy.root)
    with pytest.raises(BadSampleError, match='duplicated row: row 2 of .*toy_train.npz, image first/0.jpg'):
        convert(doubled)
    summary = convert(doubled, skip_bad=True)
    assert summary.rows == 2 and summary.skipped == Counter({'duplicated row': 2})


@pytest.mark.parametrize(
    ('key', 'factor', 'message'),
    [
        ('keypoints3d', 1000, 'body larger than 4 m in most rows.*millimeters'),
        ('transl', 1e6, 'person farther than 300 m in most rows.*millimeters'),
        ('body_pose', 180 / np.pi, 'rotation beyond 4 pi in most rows.*degrees'),
    ],
)
def test_file_in_wrong_units_is_refused_whatever_may_be_skipped(toy: Toy, key, factor, message):
    class Scaled(Toy):
        def read(self, split, unit):
            part = super().read(split, unit)
            part.rows[key] *= factor
            return part

    with pytest.raises(ValueError, match=f'toy train, first: .*{message}'):
        convert(Scaled(toy.root), skip_bad=True)


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (
            'body_pose:(2, 24, 3)',
            r'toy train, second: body_pose has shape \(2, 24, 3\), expected \(2, 23, 3\)',
        ),
        ('keypoints2d:(2, 18, 3)', r'keypoints2d has shape \(2, 18, 3\), expected \(2, 17, 3\)'),
        ('betas:(3, 10)', r'betas has shape \(3, 10\), expected \(2, 10\)'),
    ],
)
def test_wrong_shape(toy: Toy, spoil: str, message: str):
    with pytest.raises(ValueError, match=message):
        convert(replace(toy, spoil=spoil), skip_bad=True)


def test_incomplete_rows(toy: Toy):
    class Incomplete(Toy):
        def read(self, split, unit):
            part = super().read(split, unit)
            del part.rows['betas']
            return part

    with pytest.raises(ValueError, match=r"toy train, first: \['betas'\] is missing"):
        convert(Incomplete(toy.root))


def test_no_row_left(toy: Toy):
    class Empty(Toy):
        def read(self, split, unit):
            rows = super().read(split, unit).rows
            return Part({key: values[:0] for key, values in rows.items()}, {'no camera': 2})

    with pytest.raises(ValueError, match="no row is left; left out {'no camera': 4}"):
        convert(Empty(toy.root))


def test_unknown_split(toy: Toy):
    with pytest.raises(ValueError, match="toy has no split 'val'; it has train, test"):
        convert_split(toy, 'val', toy.root)


@dataclass(frozen=True)
class FromFiles(Toy):
    """Reads the boxes of each unit from a text file, and fails in the last unit while ``stop`` is there."""

    name = 'files'

    def units(self, split):
        return [Unit(name, name) for name in (self.root / 'units.txt').read_text().split()]

    def read(self, split, unit):
        (self.root / 'read.log').open('a').write(f'{unit.name}\n')
        if unit.data == 'second' and (self.root / 'stop').exists():
            raise ValueError('stopped')
        size = float((self.root / f'{unit.data}.txt').read_text())
        rows = dict(
            image_path=np.array([f'{unit.data}/{i}.jpg' for i in range(2)]),
            bbox_xywh=np.tile([10.0, 20, size, size], (2, 1)),
            keypoints2d=np.ones((2, 17, 3)),
            keypoints3d=np.ones((2, 24, 4)),
        )
        return Part(rows, {})


@pytest.fixture
def stopped(tmp_path: Path) -> FromFiles:
    """A conversion that stopped after its first unit."""
    write_photos(tmp_path, [f'{name}/{i}.jpg' for name in ('first', 'second') for i in range(2)])
    (tmp_path / 'units.txt').write_text('first second')
    for name in ('first', 'second'):
        (tmp_path / f'{name}.txt').write_text('30')
    (tmp_path / 'stop').touch()
    converter = FromFiles(tmp_path)
    with pytest.raises(ValueError, match='stopped'):
        convert(converter)
    (tmp_path / 'stop').unlink()
    (tmp_path / 'read.log').unlink()
    return converter


def boxes_and_log(converter: FromFiles) -> tuple[list[float], list[str]]:
    path = convert(converter).path
    return HumanData.fromfile(path)['bbox_xywh'][:, 2].tolist(), (
        converter.root / 'read.log'
    ).read_text().split()


@pytest.mark.parametrize(
    ('change', 'boxes', 'read'),
    [
        (lambda root: None, [30, 30, 30, 30], ['second']),
        (lambda root: (root / 'first.txt').write_text('40.0'), [40, 40, 30, 30], ['first', 'second']),
        (lambda root: os.utime(root / 'first.txt', (1, 1)), [30, 30, 30, 30], ['first', 'second']),
        (lambda root: os.utime(root / 'first' / '1.jpg', (1, 1)), [30, 30, 30, 30], ['first', 'second']),
        (lambda root: (root / 'second.txt').write_text('40'), [30, 30, 40, 40], ['second']),
        (lambda root: (root / 'units.txt').write_text('first  second'), [30] * 4, ['first', 'second']),
    ],
)
def test_what_changed_in_the_download_is_read_again(stopped: FromFiles, change, boxes, read):
    change(stopped.root)
    assert boxes_and_log(stopped) == (boxes, read)


@pytest.mark.parametrize(
    'damage',
    [lambda b: b'', lambda b: b[:-1], lambda b: b[:500], lambda b: b'x' * 999, lambda b: bytes(len(b))],
)
def test_damaged_parts_are_made_again(stopped: FromFiles, damage, monkeypatch):
    said = []
    monkeypatch.setattr('mmroi.datasets.converters.convert.print_log', lambda text, *_: said.append(text))
    part = stopped.root / 'out' / '.toy_train.parts' / '000000.npz'
    part.write_bytes(damage(part.read_bytes()))
    (part.parent / '.mmroi-tmp-left').mkdir()
    (part.parent / '.mmroi-tmp-left' / '000001.npz').write_bytes(b'half')
    assert boxes_and_log(stopped) == ([30] * 4, ['first', 'second'])
    assert len(said) == 1
    assert said[0].startswith('files train, first is converted again: its finished rows are damaged (')
    assert [path.name for path in part.parents[1].iterdir()] == ['toy_train.npz']


def test_random_damage_of_parts(stopped: FromFiles, mutate):
    folder = stopped.root / 'out' / '.toy_train.parts'
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    for seed in range(FUZZ_CASES):
        folder.mkdir(exist_ok=True)
        for name, content in kept.items():
            (folder / name).write_bytes(mutate(content, seed) if name == '000000.npz' else content)
        assert HumanData.fromfile(convert(stopped).path)['bbox_xywh'][:, 2].tolist() == [30] * 4, seed


def test_damaged_settings_of_the_parts(stopped: FromFiles):
    (stopped.root / 'out' / '.toy_train.parts' / 'fingerprint').write_bytes(b'\xff\xfe half')
    assert boxes_and_log(stopped) == ([30] * 4, ['first', 'second'])


def test_a_full_disk(stopped: FromFiles, small_disk):
    with pytest.raises(
        WriteError, match=r'cannot write .*000001\.npz: File too large; nothing of it is left'
    ):
        with small_disk(1000):
            convert(stopped)
    assert boxes_and_log(stopped) == ([30] * 4, ['second', 'second'])


@pytest.mark.skipif(fcntl is None, reason='there are no locks')
def test_two_conversions_into_one_file(toy: Toy):
    with reserve(toy.root / 'out' / '.toy_train.lock', 'x'):
        with pytest.raises(
            RuntimeError, match='toy_train.npz: another process is converting it; wait for it'
        ):
            convert(toy)
        convert_split(toy, 'test', toy.root / 'out', progress=False)  # another file
    convert(toy)
    assert sorted(path.name for path in (toy.root / 'out').iterdir()) == ['toy_test.npz', 'toy_train.npz']
