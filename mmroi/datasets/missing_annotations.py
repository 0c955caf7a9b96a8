"""Where the annotation files of the known datasets come from."""

from pathlib import Path

_SYNTHETIC = 'python tools/dataset_tools/make_synthetic.py --preset {preset} --out {folder}'
_CONVERT = 'python tools/dataset_tools/convert.py {name} --root <folder of the download> --out {folder}'
_COMMANDS = {
    'synthetic': _SYNTHETIC,
    **dict.fromkeys(('h36m', 'mpi_inf_3dhp', 'coco', 'mpii', 'pw3d', 'lspet', 'bedlam'), _CONVERT),
}


def missing_file(path: str | Path, dataset_name: str) -> str:
    """Tell what to do about an annotation file that is not there.

    Args:
        path: Where the file should be.
        dataset_name: Name of its dataset.

    Returns:
        str: The message.
    """
    path = Path(path)
    folder = path.parent
    preset = 'easy' if folder.name == 'easy' else 'full'
    command = _COMMANDS.get(dataset_name, '').format(name=dataset_name, folder=folder, preset=preset)
    if 'mosh' in path.stem:
        command += ' --mosh <folder of the SMPL parameters>'
    remedy = f'make it with `{command}`' if command else 'make it'
    if 'convert.py' in command:
        remedy = f"put MMHuman3D's file of this name there, or {remedy}"
    return (
        f'{path}: no such annotation file of the dataset {dataset_name!r}; {remedy} as docs/data.md '
        'describes, or correct `ann_file` and `data_root` of the dataset config'
    )
