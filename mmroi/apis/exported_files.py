"""Open the files that ``export_model`` writes, and run them on arrays."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmroi.utils.choices import EXPORT_FORMATS

INPUTS = ('crops', 'boxes', 'focal_length')
OUTPUTS = ('rotations', 'betas', 'local_cameras', 'camera_translation')
BODY_OUTPUTS = ('vertices', 'joints3d', 'keypoints2d')
DEVIATIONS = 'joints_std'  # of networks with an uncertainty head
METADATA_FILE = 'mmroi.json'  # inside a .pt2 file

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class ExportedFile:
    """An exported network on the CPU.

    Attributes:
        run: From inputs by name to the values of ``output_names``.
        metadata: What :func:`mmroi.apis.export.describe` wrote.
    """

    run: Callable[[Arrays], list[np.ndarray]]
    metadata: dict[str, Any]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        names = OUTPUTS + BODY_OUTPUTS if 'faces' in self.metadata else OUTPUTS
        return (*names, DEVIATIONS) if self.metadata.get(DEVIATIONS) else names

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run the network.

        Args:
            inputs: ``crops`` (N, K, 3, H, W) uint8, of each RoI or one for all, ``boxes`` (N, M, 3) and
                ``focal_length`` (N,) float64.

        Returns:
            Outputs by name.
        """
        return dict(zip(self.output_names, self.run(inputs), strict=True))


def open_exported(path: str | Path, threads: int = 0) -> ExportedFile:
    """Open an exported file of either format.

    Args:
        path: ``.onnx`` or ``.pt2``.
        threads: Of ONNX Runtime; 0 for its own choice. A program has those of PyTorch.

    Returns:
        The network.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or was not written by ``export_model``.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist: write it by mmroi export')
    if path.suffix not in EXPORT_FORMATS.values():
        raise ValueError(f'{path} must end in {" or ".join(EXPORT_FORMATS.values())}')
    try:
        found = open_onnx(path, threads) if path.suffix == EXPORT_FORMATS['onnx'] else open_program(path)
    except ImportError:
        raise
    except Exception as error:  # both libraries have many classes for a bad file
        raise ValueError(f'{path} cannot be read: {str(error).splitlines()[0]}') from error
    if 'roi_offsets' not in found.metadata:
        raise ValueError(f'{path} has no crop settings: write it by mmroi export')
    return found


def open_onnx(path: Path, threads: int = 0) -> ExportedFile:
    """Open an ONNX file.

    Args:
        path: The file.
        threads: Of ONNX Runtime; 0 for its own choice.

    Returns:
        The network.
    """
    import onnxruntime  # optional dependency

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    texts = session.get_modelmeta().custom_metadata_map
    metadata = {name: json.loads(text) for name, text in texts.items()}
    return ExportedFile(lambda inputs: session.run(None, inputs), metadata)


def open_program(path: Path) -> ExportedFile:
    """Open a ``torch.export`` program.

    Args:
        path: The file.

    Returns:
        The network.
    """
    files = {METADATA_FILE: ''}
    module = torch.export.load(path, extra_files=files).module()

    def run(inputs: Arrays) -> list[np.ndarray]:
        with torch.no_grad():
            return [value.numpy() for value in module(*(torch.from_numpy(inputs[name]) for name in INPUTS))]

    return ExportedFile(run, json.loads(files[METADATA_FILE] or '{}'))
