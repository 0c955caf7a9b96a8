"""The error message for a missing annotation file."""

from pathlib import Path

from mmroi.registry import CONVERTERS
from mmroi.utils.choices import PRESETS
from mmroi.utils.installation import find_page


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
        preset = path.parent.name if path.parent.name in PRESETS else 'full'
        command = f'mmroi make-synthetic --preset {preset} --out {path.parent}'
        remedy = f'make it with `{command}`'
    elif dataset_name in CONVERTERS.module_dict:
        command = f'mmroi convert {dataset_name} --root <folder of the download>'
        command += f' --out {path.parent}'
        if 'mosh' in path.stem:
            command += ' --mosh <folder of the SMPL parameters>'
        remedy = f"put MMHuman3D's file of this name there, or make it with `{command}`"
    return (
        f'{path}: no such annotation file of the dataset {dataset_name!r}; {remedy} as '
        f'{find_page("data.md")} describes, or correct `ann_file` and `data_root` of the dataset config'
    )
