import pytest

from mmroi.datasets.missing_annotations import missing_file


@pytest.mark.parametrize('name', ['h36m', 'mpi_inf_3dhp', 'coco', 'mpii', 'pw3d'])
def test_converted_sets(name: str) -> None:
    message = missing_file(f'data/preprocessed_datasets/{name}_train.npz', name)
    assert message == (
        f"data/preprocessed_datasets/{name}_train.npz: no such annotation file of the dataset '{name}'; put "
        "MMHuman3D's file of this name there, or make it with `python tools/dataset_tools/convert.py "
        f'{name} --root <folder of the download> --out data/preprocessed_datasets` as docs/data.md '
        'describes, or correct `ann_file` and `data_root` of the dataset config'
    )


@pytest.mark.parametrize('preset', ['easy', 'full'])
def test_synthetic_sets(preset: str) -> None:
    folder = f'data/synthetic/{preset}'
    command = f'python tools/dataset_tools/make_synthetic.py --preset {preset} --out {folder}'
    assert f'; make it with `{command}` as docs/data.md' in missing_file(f'{folder}/val.npz', 'synthetic')


def test_ones_own_set() -> None:
    message = missing_file('a/b.npz', 'mine')
    assert message.startswith("a/b.npz: no such annotation file of the dataset 'mine'; make it as docs/")


def test_smpl_parameters_of_h36m_come_from_another_folder() -> None:
    assert '--mosh' in missing_file('data/h36m_mosh_train.npz', 'h36m')
    assert '--mosh' not in missing_file('data/h36m_train.npz', 'h36m')
