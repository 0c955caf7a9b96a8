import pickle
from pathlib import Path

import numpy as np
import pytest

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import (
    OPEN_BODY,
    body_files,
    check_body_files,
    find_body_file,
    load_body_file,
)


def test_default_is_the_open_body_which_has_a_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smpl_folder: Path
) -> None:
    smpl_folder.rename(tmp_path / 'open')
    monkeypatch.chdir(tmp_path)
    assert find_body_file(None) == find_body_file('open') == OPEN_BODY
    assert find_body_file('./open') == Path('open/SMPL_NEUTRAL.pkl')
    assert SMPL('open').is_open and not SMPL('./open').is_open


def test_files_of_a_body_are_looked_for_without_reading_them(smpl_folder: Path) -> None:
    names = ('SMPL_{}.pkl', 'J_regressor_h36m.npy', 'J_regressor_extra.npy')
    for gender in ('neutral', 'male'):
        files = [smpl_folder / name.format(gender.upper()) for name in names]
        assert body_files(smpl_folder, gender) == files
    assert body_files('open') == [OPEN_BODY]
    (smpl_folder / 'SMPL_NEUTRAL.pkl').write_bytes(b'unread')
    check_body_files(smpl_folder)
    with pytest.raises(FileNotFoundError, match='SMPL_MALE.pkl: download SMPL'):
        check_body_files(smpl_folder, 'male')
    (smpl_folder / 'J_regressor_extra.npy').unlink()
    with pytest.raises(FileNotFoundError, match=r'J_regressor_extra\.npy is missing.*SPIN'):
        check_body_files(smpl_folder)


def test_file_or_folder(smpl_folder: Path) -> None:
    female = smpl_folder / 'SMPL_FEMALE.pkl'
    assert find_body_file(smpl_folder, 'female') == find_body_file(female) == female


def test_absent_file_tells_where_and_what_else(smpl_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        SMPL(smpl_folder, gender='male')
    message = str(error.value)
    assert str(smpl_folder / 'SMPL_MALE.pkl') in message
    assert 'smpl.is.tue.mpg.de' in message and 'open body' in message
    with pytest.raises(FileNotFoundError, match='SMPL_NEUTRAL.pkl'):
        SMPL(tmp_path / 'data' / 'body_models' / 'smpl')
    with pytest.raises(FileNotFoundError, match='mine.npz'):
        SMPL(tmp_path / 'mine.npz')


def test_unknown_gender() -> None:
    with pytest.raises(ValueError, match='gender.*neutral'):
        SMPL(gender='f')


@pytest.mark.parametrize('key', ['J_regressor_h36m', 'J_regressor_extra'])
def test_absent_regressor_tells_where_to_get_it(smpl_folder: Path, key: str) -> None:
    (smpl_folder / f'{key}.npy').unlink()
    with pytest.raises(FileNotFoundError, match=rf'{key}\.npy is missing.*SPIN'):
        SMPL(smpl_folder)


def test_npz_of_the_same_keys(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / 'body.npz', **arrays)
    loaded = load_body_file(tmp_path / 'body.npz')
    for key, value in arrays.items():
        np.testing.assert_array_equal(loaded[key], value)


NAN = np.full((24, 6890), np.nan)


@pytest.mark.parametrize(
    ('key', 'value', 'match'),
    [
        ('weights', None, "key 'weights' is missing"),
        ('posedirs', None, "key 'posedirs' is missing"),
        ('v_template', np.zeros((10475, 3)), r"'v_template' has shape \(10475, 3\), expected \(6890, 3\)"),
        ('J_regressor', NAN, "'J_regressor' has values that are no finite numbers"),
        ('v_template', np.full((6890, 3), 'x'), "'v_template' has values that are no finite numbers"),
        ('kintree_table', np.zeros((2, 24), int), "'kintree_table' is not SMPL's kinematic tree"),
        (
            'weights',
            np.full((6890, 24), 0.05),
            "the skinning 'weights' of a vertex must be positive and sum to",
        ),
        (
            'weights',
            np.eye(6890, 24) - np.eye(6890, 24, 1),
            "the skinning 'weights' of a vertex must be positive",
        ),
        ('f', np.full((13776, 3), 6890), "'f' names vertices that are not among the 6890"),
        ('J_regressor_extra', np.zeros((17, 6890)), r"'J_regressor_extra' has shape .* expected \(9, 6890\)"),
    ],
)
def test_wrong_content_names_file_key_and_remedy(
    tmp_path: Path, arrays: dict[str, np.ndarray], key: str, value: np.ndarray | None, match: str
) -> None:
    changed = {**arrays, key: value}
    np.savez(tmp_path / 'body.npz', **{k: v for k, v in changed.items() if v is not None})
    with pytest.raises(ValueError, match=rf'body\.npz: {match}.*Download SMPL .* or use the open body'):
        load_body_file(tmp_path / 'body.npz')


@pytest.mark.parametrize('name, joints', [('SMPL-H', 52), ('SMPL-X', 55)])
@pytest.mark.parametrize('suffix', ['.pkl', '.npz'])
def test_other_models_are_refused_by_name(tmp_path: Path, name: str, joints: int, suffix: str) -> None:
    """Their npz files have objects, too, which are not unpickled."""
    path = tmp_path / f'model{suffix}'
    weights = np.zeros((6890, joints))
    if suffix == '.pkl':
        path.write_bytes(pickle.dumps(dict(weights=weights), protocol=2))
    else:
        np.savez(path, part2num=np.array({}, dtype=object), weights=weights)
    with pytest.raises(
        ValueError, match=f"model{suffix}: 'weights' are those of {name}, and mmroi needs SMPL"
    ):
        load_body_file(path)


@pytest.mark.parametrize(
    'content, match',
    [
        (np.zeros((9, 10475)), r"'J_regressor_extra' has shape \(9, 10475\), expected \(9, 6890\)"),
        (np.full((9, 6890), np.inf), "'J_regressor_extra' has values that are no finite numbers"),
        (b'text', 'not a readable npy'),
        (b'', 'not a readable npy'),
    ],
)
def test_wrong_regressor_file_names_itself(
    smpl_folder: Path, content: np.ndarray | bytes, match: str
) -> None:
    path = smpl_folder / 'J_regressor_extra.npy'
    np.save(path, content) if isinstance(content, np.ndarray) else path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"J_regressor_extra\.npy: {match}.*part of SPIN's data"):
        SMPL(smpl_folder)


def test_npz_with_a_pickle_inside_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / 'created'

    class Payload:
        def __reduce__(self) -> tuple:
            return open, (str(mark), 'w')

    np.savez(tmp_path / 'body.npz', v_template=np.array([Payload()], dtype=object))
    with pytest.raises(ValueError, match='body.npz.*without pickled objects'):
        load_body_file(tmp_path / 'body.npz')
    assert not mark.exists()


def test_truncated_npz(tmp_path: Path) -> None:
    (tmp_path / 'body.npz').write_bytes(OPEN_BODY.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'body\.npz'):
        load_body_file(tmp_path / 'body.npz')
