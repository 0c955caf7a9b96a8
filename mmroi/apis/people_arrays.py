"""People of datasets as the inputs of an exported network."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmroi.apis.exported_files import Arrays
from mmroi.engine.pipelines import find_pipeline
from mmroi.registry import DATASETS
from mmroi.utils import track
from mmroi.utils.errors import explain


def stack_people(packed: Mapping[str, Any]) -> Arrays:
    """Stack people as the inputs of an exported network.

    Args:
        packed: ``inputs`` and ``data_samples`` of N people, as a loader collates them.

    Returns:
        ``crops`` (N, K, 3, H, W) uint8, ``boxes`` (N, M, 3) and ``focal_length`` (N,) float64.
    """
    samples = packed['data_samples']
    return dict(
        crops=np.stack([np.asarray(crops) for crops in packed['inputs']]),
        boxes=np.stack([np.asarray(sample.boxes, np.float64) for sample in samples]),
        focal_length=np.array([sample.focal_length for sample in samples], np.float64),
    )


def read_people(cfg: Config, path: str | Path, count: int) -> Iterator[Arrays]:
    """Read people of an annotation file, one at a time, spread evenly over it.

    Args:
        cfg: Config of the network, whose test pipeline takes the crops.
        path: HumanData file; its images are found from the folder that it is in.
        count: Number of people; all of them if the file has fewer.

    Yields:
        Inputs of the network for one person.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If ``count`` is not positive, or the file has no people or lacks a key.
    """
    path = Path(path).resolve()
    if count < 1:
        raise ValueError(f'the number of people must be positive, not {count}')
    if not path.is_file():
        raise FileNotFoundError(f'the annotation file {path} does not exist')
    try:
        dataset: Any = DATASETS.build(
            dict(
                type='HumanImageDataset',
                ann_file=path.name,
                data_root=f'{path.parent}/',
                pipeline=find_pipeline(cfg.get('test_dataloader')),
            )
        )
    except KeyError as error:
        raise ValueError(explain(error)) from error
    if not len(dataset):
        raise ValueError(f'{path} has no people')
    rows = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int)
    for row in track(rows, description='crops'):
        packed = dataset[int(row)]
        yield stack_people({key: [value] for key, value in packed.items()})
