"""The error message for a missing annotation file."""

from pathlib import Path

from mmroi.registry import CONVERTERS


def describe_missing(path: str | Path, dataset_name: str) -> str:
    """Say how to get an annotation file that does not exist.

    Args:
        path: The missing file.
        dataset_name: Name of its dataset.

    Returns:
        The message, with the command that creates the file if there is one.
    """
    path = Path(path)
    CONVERTERS.import_from_location()
    remedy = 'make it'
    if dataset_name == 'synthetic':
        preset = 'easy' if path.parent.name == 'easy' else 'full'
        command = f'python tools/dataset_tools/make_synthetic.py --preset {preset} --out {path.parent}'
        remedy = f'make it with `{command}`'
    elif dataset_name in CONVERTERS.module_dict:
        command = f'python tools/dataset_tools/convert.py {dataset_name} --root <folder of the download>'
        command += f' --out {path.parent}'
        if 'mosh' in path.stem:
            command += ' --mosh <folder of the SMPL parameters>'
        remedy = f"put MMHuman3D's file of this name there, or make it with `{command}`"
    return (
        f'{path}: no such annotation file of the dataset {dataset_name!r}; {remedy} as docs/data.md '
        'describes, or correct `ann_file` and `data_root` of the dataset config'
    )
