import pytest

from mmroi.datasets.missing_annotations import describe_missing
from mmroi.registry import CONVERTERS
from mmroi.utils.installation import find_page


@pytest.mark.parametrize('name', ['h36m', 'mpi_inf_3dhp', 'coco', 'mpii', 'lspet', 'pw3d', 'bedlam'])
def test_converted_sets(name: str) -> None:
    message = describe_missing(f'data/preprocessed_datasets/{name}_train.npz', name)
    assert message == (
        f"data/preprocessed_datasets/{name}_train.npz: no such annotation file of the dataset '{name}'; put "
        "MMHuman3D's file of this name there, or make it with `mmroi convert "
        f'{name} --root <folder of the download> --out data/preprocessed_datasets` as {find_page("data.md")} '
        'describes, or correct `ann_file` and `data_root` of the dataset config'
    )


@pytest.mark.parametrize('preset', ['easy', 'full', 'natural'])
def test_synthetic_sets(preset: str) -> None:
    folder = f'data/synthetic/{preset}'
    command = f'mmroi make-synthetic --preset {preset} --out {folder}'
    assert f'; make it with `{command}` as ' in describe_missing(f'{folder}/val.npz', 'synthetic')


def test_unknown_dataset() -> None:
    message = describe_missing('a/b.npz', 'mine')
    page = find_page('data.md')
    assert message.startswith(f"a/b.npz: no such annotation file of the dataset 'mine'; make it as {page} ")


def test_smpl_parameters_of_h36m_come_from_another_folder() -> None:
    assert '--mosh' in describe_missing('data/h36m_mosh_train.npz', 'h36m')
    assert '--mosh' not in describe_missing('data/h36m_train.npz', 'h36m')


def test_own_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONVERTERS.module_dict, 'mine', object)
    assert '`mmroi convert mine --root <folder of the download> --out a`' in describe_missing(
        'a/b.npz', 'mine'
    )
