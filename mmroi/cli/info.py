"""What is installed on this machine, for ``mmroi info`` and reports of bugs."""

import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import torch

from mmroi.apis.inference.video_writer import describe_videos
from mmroi.apis.model_index import read_model_index
from mmroi.benchmark.machine import describe_code, describe_device
from mmroi.body_models.body_files import GENDERS, OPEN_BODY, body_files
from mmroi.fileio.downloads import cache_path
from mmroi.utils import installation
from mmroi.utils.installation import find_page
from mmroi.version import __version__

_LIBRARIES = ('torch', 'mmengine', 'mmcv-lite', 'mmcv', 'mmdet', 'numpy', 'opencv-python', 'trimesh')
_OPTIONAL = {
    'onnx': 'export',
    'onnxruntime': 'export',
    'smplx': "SMPL(layer='smplx')",
    'imageio-ffmpeg': 'H.264 videos',
    'argcomplete': 'completion in the shell',
}
# Where the configs look, relative to the current folder.
_SMPL = Path('data/body_models/smpl')
_DATA = {'real': 'data/preprocessed_datasets', 'synthetic': 'data/synthetic/*'}


def describe_installation() -> Iterator[tuple[str, str]]:
    """Yield what a report of a bug should contain.

    Yields:
        A heading, which is empty where it would be repeated, and a line of text.
    """
    checkout = installation.ROOTS[0] == installation.PACKAGE.parent
    yield 'mmroi', f'{describe_code() if checkout else __version__}, in {installation.PACKAGE}'
    yield 'docs', str(Path(find_page('data.md')).parent)
    yield 'python', f'{platform.python_version()}, {platform.platform()}, {sys.executable}'
    yield 'libraries', ', '.join(f'{name} {version}' for name in _LIBRARIES if (version := _version(name)))
    yield (
        'optional',
        ', '.join(f'{name} {_version(name) or f"no ({use})"}' for name, use in _OPTIONAL.items()),
    )
    yield 'device', describe_device() + ('' if torch.cuda.is_available() else ', no CUDA')
    yield 'videos', describe_videos()
    yield 'bodies', f'open: {OPEN_BODY}'
    for gender in GENDERS:
        missing = [str(path) for path in body_files(_SMPL, gender) if not path.is_file()]
        yield '', f'SMPL, {gender}: ' + (f'no {", ".join(missing)}' if missing else str(_SMPL.resolve()))
    for heading, (kind, pattern) in zip(('data', ''), _DATA.items(), strict=True):
        files = sorted(str(path) for path in Path().glob(f'{pattern}/*.npz'))
        yield heading, f'{kind}: ' + (', '.join(files) or f'no {pattern}/*.npz in {Path.cwd()}')
    yield 'downloads', str(cache_path('x').parent)
    models = read_model_index().values()
    ready = {model.name: model.weights for model in models if model.weights and model.weights.is_file()}
    for number, (name, weights) in enumerate(ready.items()):
        yield '' if number else 'models', f'{name}: {weights}'
    others = len(models) - len(ready)
    yield '', f'{others} more without weights, to train or convert: {find_page("model_zoo.md")}'


def _version(name: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    return None
