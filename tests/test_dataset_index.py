"""``mim download mmroi --dataset NAME``: what mim does with the index, but for the download."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from mmengine.fileio import load

from mmroi.registry import CONVERTERS

ROOT = Path(__file__).parents[1]
INDEX = load(ROOT / 'dataset-index.yml')
IMAGES = {'coco2014': 'train2014/COCO_train2014_000000000009.jpg', 'mpii': 'images/000001163.jpg'}


def pack(path: Path, image: str) -> None:
    path.parent.mkdir(parents=True)
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr(image, b'pixels')
        return
    with tarfile.open(path, 'w:gz') as archive:
        member = tarfile.TarInfo(image)
        member.size = len(b'pixels')
        archive.addfile(member, io.BytesIO(b'pixels'))


@pytest.mark.parametrize('name', INDEX)
def test_images_come_to_where_the_converter_looks_for_them(name, tmp_path):
    entry, download, root = INDEX[name], tmp_path / 'my downloads', tmp_path / 'data'
    archive = {'coco2014': 'train2014.zip', 'mpii': 'MPII_Human_Pose.tar.gz'}[name]
    pack(download / f'OpenDataLab___{entry["dataset"]}' / 'raw' / archive, IMAGES[name])
    subprocess.run([ROOT / entry['script'], download, root], check=True)
    assert (root / IMAGES[name]).read_bytes() == b'pixels'
    converter = entry['data_root'].removeprefix('data/datasets/')
    assert converter in CONVERTERS.module_dict or CONVERTERS.get(converter)
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([ROOT / entry['script'], tmp_path, root], check=True, stderr=subprocess.DEVNULL)
