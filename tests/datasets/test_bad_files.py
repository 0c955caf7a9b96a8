"""Files that a dataset refuses as a whole; rows in wrong units, repeated rows, corrupt JPEGs."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.datasets import BadSampleError, HumanImageDataset, LoadImage
from mmroi.fileio import HumanData


def _dump(people: HumanData, root: Path, **changes: object) -> None:
    HumanData({**people, **changes}).dump(root / 'people.npz')


def _dataset(root: Path, **kwargs: object) -> HumanImageDataset:
    return HumanImageDataset('people.npz', str(root), pipeline=[LoadImage()], **kwargs)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a dataset logs."""
    logged: list[str] = []
    monkeypatch.setattr(
        'mmroi.datasets.human_image_dataset.print_log', lambda text, *_, **__: logged.append(text)
    )
    return logged


class _Payload:
    """Creates a file when it is unpickled freely."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize('key', ['smpl', 'meta', 'misc', 'image_path', 'has_smpl', 'keypoints3d_convention'])
@pytest.mark.parametrize('skip_bad', [False, True])
def test_malicious_pickle_is_refused(people: HumanData, data_root: Path, key: str, skip_bad: bool) -> None:
    trace = data_root / 'trace'
    members = {**people, key: np.array(dict(gender=_Payload(trace)), object)}
    np.savez(data_root / 'people.npz', **members)
    with pytest.raises(Exception, match=rf"people\.npz: refused to unpickle '{key}'"):
        _dataset(data_root, skip_bad=skip_bad)
    assert not trace.exists()


@pytest.mark.parametrize('compress', [False, True])
@pytest.mark.parametrize('kept', [0.99, 0.5, 0.0])
def test_truncated_file(people: HumanData, data_root: Path, compress: bool, kept: float) -> None:
    path = data_root / 'people.npz'
    people.dump(path, compress)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r'people\.npz: not a readable npz.*damaged or truncated.*again'):
        _dataset(data_root, skip_bad=True)


@pytest.mark.parametrize(
    'name, shape',
    [('global_orient', (8, 3, 3)), ('body_pose', (8, 72)), ('body_pose', (8, 24, 3)), ('betas', (8, 16))],
)
def test_parameters_of_wrong_length(
    people: HumanData, data_root: Path, name: str, shape: tuple[int, ...]
) -> None:
    members = {**people, 'smpl': {**people['smpl'], name: np.zeros(shape)}}
    np.savez(data_root / 'people.npz', **members)
    with pytest.raises(ValueError, match=rf"people\.npz: 'smpl\.{name}' has shape .*expected \(N=8, "):
        _dataset(data_root, skip_bad=True)


@pytest.mark.parametrize('convention', ['coco', 'smpl_45', ''])
def test_wrong_convention(people: HumanData, data_root: Path, convention: str) -> None:
    _dump(people, data_root, keypoints2d_convention=convention)
    with pytest.raises(ValueError, match='keypoints2d_convention|unknown keypoint convention'):
        _dataset(data_root, skip_bad=True)


def _millimeters(people: HumanData) -> dict:
    return dict(keypoints3d=people['keypoints3d'] * np.float32((1000, 1000, 1000, 1)))


def _millimeters_away(people: HumanData) -> dict:
    return dict(smpl={**people['smpl'], 'transl': people['smpl']['transl'] * 1000})


def _degrees(people: HumanData) -> dict:
    return dict(smpl={**people['smpl'], 'body_pose': np.rad2deg(people['smpl']['body_pose'])})


UNITS = [
    (_millimeters, 'body larger than 4 m', 'meters, not millimeters'),
    (_millimeters_away, 'person farther than 300 m', 'meters, not millimeters'),
    (_degrees, 'rotation beyond 4 pi', 'radians, not degrees'),
]


@pytest.mark.parametrize('spoil, reason, remedy', UNITS)
def test_file_in_wrong_units_is_refused(
    people: HumanData, data_root: Path, spoil: object, reason: str, remedy: str
) -> None:
    _dump(people, data_root, **spoil(people))
    for skip_bad in (False, True):
        with pytest.raises(
            ValueError,
            match=rf'people\.npz: {reason} in 8 of 8 rows, the first is row 0: '
            rf'.* must be in {remedy}\. Convert',
        ):
            _dataset(data_root, skip_bad=skip_bad)


@pytest.mark.parametrize('spoil, reason, remedy', UNITS)
def test_row_in_wrong_units_is_named_or_skipped(
    people: HumanData, data_root: Path, spoil: object, reason: str, remedy: str
) -> None:
    ((key, spoilt),) = spoil(people).items()
    if key == 'smpl':
        mixed = {
            name: np.concatenate([values[:5], spoilt[name][5:6], values[6:]])
            for name, values in people['smpl'].items()
        }
    else:
        mixed = np.concatenate([people[key][:5], spoilt[5:6], people[key][6:]])
    _dump(people, data_root, **{key: mixed})
    with pytest.raises(BadSampleError, match=rf'{reason}: row 5 of .*people\.npz'):
        _dataset(data_root)
    assert _dataset(data_root, skip_bad=True).skipped == {reason: 1}
    if key == 'smpl':  # what is not labeled may hold anything
        _dump(people, data_root, smpl=mixed, has_smpl=np.arange(8) != 5)
        assert len(_dataset(data_root)) == 8


def test_duplicates_are_reported_or_left_out(people: HumanData, data_root: Path, messages: list[str]) -> None:
    names, boxes = list(people['image_path']), people['bbox_xywh'].copy()
    boxes[[3, 5, 6]] = boxes[1]
    names[3] = names[6] = names[1]  # row 5: the same box in another image
    _dump(people, data_root, image_path=names, bbox_xywh=boxes)
    assert len(_dataset(data_root)) == 8
    (warning,) = messages
    assert 'people.npz: 2 duplicated rows' in warning and 'the first is row 3' in warning
    dataset = _dataset(data_root, skip_bad=True)
    assert dataset.skipped == {'duplicated row': 2}
    assert [dataset.get_data_info(i)['row'] for i in range(6)] == [0, 1, 2, 4, 5, 7]


def _mixed_genders() -> np.ndarray:
    return np.array(['m', b'f', 1, -1, None, 'Female', 0.0, b'n'], object)


def test_genders_in_any_spelling(people: HumanData, data_root: Path) -> None:
    _dump(people, data_root, meta=dict(gender=_mixed_genders()))
    dataset = _dataset(data_root)
    found = [dataset.get_data_info(i)['gender'] for i in range(8)]
    assert found == ['m', 'f', 'f', 'n', 'n', 'Female', 'm', 'n']
    words = ['m', 'female', 'f', 'Male', 'n', 'neutral', 'm', 'F']
    _dump(people, data_root, meta=dict(gender=np.array(words)))
    assert [row['gender'] for row in _dataset(data_root).data_list] == words
    _dump(people, data_root, meta=dict(gender=np.array([*words[:7], 'x'])))
    with pytest.raises(ValueError, match=r'gender "x" of row 7 of .*people\.npz is unknown'):
        _dataset(data_root)
    _dump(people, data_root, meta=dict(gender=np.array([0, 1, 5, 0, 0, 0, 0, 0])))
    with pytest.raises(ValueError, match=r'gender "5" of row 2 of .*people\.npz is unknown'):
        _dataset(data_root)


def test_words_as_arrays_and_paths_as_bytes(people: HumanData, data_root: Path) -> None:
    names = [f'\u00fc{i}.png' for i in range(8)]
    for i, name in enumerate(names):
        (data_root / f'{i}.png').rename(data_root / name)
    members = dict(
        people,
        image_path=np.array([name.encode() for name in names]),
        keypoints2d_convention=np.array(['smpl_54']),
        keypoints3d_convention=np.array([b'smpl_54']),
    )
    np.savez(data_root / 'people.npz', **members)
    sample = _dataset(data_root)[3]
    assert sample['img_path'].endswith('\u00fc3.png') and sample['has_keypoints2d']


def test_no_rows(people: HumanData, data_root: Path) -> None:
    empty = {
        key: people[key][:0]
        for key in ('image_path', 'bbox_xywh', 'keypoints2d', 'keypoints3d', 'keypoints2d_mask')
    }
    HumanData({k: v for k, v in empty.items() if k in ('image_path', 'bbox_xywh')}).dump(
        data_root / 'people.npz'
    )
    with pytest.raises(ValueError, match=r'people\.npz: has no rows, no person at all'):
        _dataset(data_root)


@pytest.mark.parametrize(
    'key, value, message',
    [
        ('bbox_xywh', np.full((8, 5), '1'), "'bbox_xywh' holds values of type <U1, expected numbers"),
        ('keypoints2d', np.zeros((8, 54, 3), complex), "'keypoints2d' holds values of type complex128"),
        ('meta', [1, 2], "'meta' is a ndarray, expected a dictionary of gender"),
        ('smpl', np.zeros(3), "'smpl' is a ndarray, expected a dictionary of global_orient"),
        ('image_path', 'photo.png', "'image_path' is no list but str, expected one path per row"),
        ('image_path', np.full((8, 1), 'a.png'), "'image_path' is no list but ndarray"),
        ('keypoints2d_convention', np.arange(3), "'keypoints2d_convention' is array"),
        ('__keypoints_compressed__', np.arange(3), "'__keypoints_compressed__' cannot be used"),
        (
            'keypoints2d_mask',
            np.ones((54, 2)),
            r"'keypoints2d_mask' must be 0 or 1 for each joint .* of shape \(54, 2\)",
        ),
    ],
)
def test_wrong_content_names_file_and_key(
    people: HumanData, data_root: Path, key: str, value: object, message: str
) -> None:
    np.savez(data_root / 'people.npz', **{**people, key: value})
    with pytest.raises(ValueError, match=rf'people\.npz: .*{message}'.replace(".*'", "'")):
        _dataset(data_root, skip_bad=True)


@pytest.mark.parametrize(
    'path, reason',
    [
        ('http://example.org/a.jpg', 'http://example.org/a.jpg is a URL'),
        ('folder.jpg', r'folder\.jpg cannot be read \(is a folder, not a file\)'),
        ('x' * 300, r'x cannot be read \(File name too long\)'),
        ('a\0b.jpg', r'cannot be read \(embedded null'),
    ],
)
def test_paths_that_are_no_images(people: HumanData, data_root: Path, path: str, reason: str) -> None:
    (data_root / 'folder.jpg').mkdir()
    members = {**people, 'image_path': np.array([*people['image_path'][:7], path], object)}
    np.savez(data_root / 'people.npz', **members)
    with pytest.raises(BadSampleError, match=rf'image: row 7 of .*people\.npz: .*{reason}'):
        _dataset(data_root)[7]
    assert len(_dataset(data_root, skip_bad=True, test_mode=True)) == 7


def test_no_row_left(people: HumanData, data_root: Path) -> None:
    _dump(people, data_root, image_path=[f'gone{i}.png' for i in range(8)])
    with pytest.raises(ValueError, match=r"people\.npz: no row can be used; skipped {'missing image': 8}"):
        _dataset(data_root, skip_bad=True, test_mode=True)


@pytest.mark.parametrize('num_bad', [4, 5])
def test_a_file_whose_rows_are_mostly_bad_is_refused(
    people: HumanData, data_root: Path, num_bad: int
) -> None:
    boxes = np.array(people['bbox_xywh'], float)
    boxes[:num_bad] = 0
    boxes[num_bad - 1] = np.nan
    _dump(people, data_root, bbox_xywh=boxes)
    if num_bad == 4:
        assert _dataset(data_root, skip_bad=True).skipped == {'NaN box': 1, 'zero-area box': 3}
        return
    with pytest.raises(
        ValueError,
        match=r'people\.npz: 5 of 8 rows are bad, .*: zero-area box \(4\), NaN box \(1\); .* is row 0\.',
    ):
        _dataset(data_root, skip_bad=True)


def _jpeg() -> bytearray:
    photo = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    return bytearray(cv2.imencode('.jpg', photo)[1].tobytes())


def _huge(content: bytearray) -> None:
    size = content.index(b'\xff\xc0') + 5
    content[size : size + 4] = struct.pack('>HH', 60000, 60000)


def _no_tables(content: bytearray) -> None:
    start = content.index(b'\xff\xc4')
    content[start + 4 : start + 24] = b'\xff' * 20


def _no_header(content: bytearray) -> None:
    content[2:200] = bytes(198)


@pytest.mark.parametrize('damage', [_huge, _no_tables, _no_header])
def test_corrupt_jpeg_is_named_or_skipped(people: HumanData, data_root: Path, damage: object) -> None:
    content = _jpeg()
    damage(content)
    (data_root / '4.jpg').write_bytes(content)
    names = list(people['image_path'])
    names[4] = '4.jpg'
    _dump(people, data_root, image_path=names)
    with pytest.raises(BadSampleError, match=r'unreadable image: row 4 of .*people\.npz: .*4\.jpg cannot be'):
        _dataset(data_root)[4]
    training = _dataset(data_root, skip_bad=True)
    assert training[4]['row'] != 4
    testing = _dataset(data_root, skip_bad=True, test_mode=True)
    assert training.skipped == testing.skipped == {'unreadable image': 1}
    assert [testing[i]['row'] for i in range(7)] == [0, 1, 2, 3, 5, 6, 7]


@pytest.mark.parametrize('skip_bad', [False, True])
def test_focal_lengths_in_mm_are_refused(people: HumanData, data_root: Path, skip_bad: bool) -> None:
    """35 mm equivalent: about the diagonal of the image in pixels."""
    large = dict(bbox_xywh=people['bbox_xywh'] * (5, 5, 5, 5, 1), misc=dict(focal_length=np.full(8, 35.0)))
    _dump(people, data_root, **large)
    with pytest.raises(
        ValueError,
        match=r'people\.npz: implausible focal length in 8 of 8 rows, the first is row 0, '
        r"misc\['focal_length'\] is"
        r' 35\.0: .* in mm .*, multiply them by the diagonal of the image in pixels and divide by 43\.27\.',
    ):
        _dataset(data_root, skip_bad=skip_bad)


def test_focal_lengths_that_may_be_in_mm_are_warned_of(
    people: HumanData, data_root: Path, messages: list[str]
) -> None:
    _dump(people, data_root, misc=dict(focal_length=np.full(8, 35.0)))  # images of 320 x 240
    assert len(_dataset(data_root)) == 8
    warning = "people.npz: misc['focal_length'] is 35.0 in row 0, which means an angle of view of 147 degrees"
    assert warning in messages.pop()
    _dump(people, data_root, misc=dict(focal_length=np.full(8, 250.0)))
    _dataset(data_root)
    assert not messages


def test_flags_of_labels_that_are_not_there(people: HumanData, data_root: Path, messages: list[str]) -> None:
    without = {key: people[key] for key in people if key != 'smpl'}
    HumanData({**without, 'has_smpl': np.ones(8)}).dump(data_root / 'people.npz')
    dataset = _dataset(data_root)
    assert "'has_smpl' is 1 for some rows, but there is no 'smpl'" in messages[0]
    assert not any(dataset.get_data_info(i)['has_smpl'] for i in range(8))
    assert not any(labeled.any() for _, _, labeled in dataset.label_confidences())
