"""Smaller numbers for the encoder of an exported network: half precision, or 8-bit integers in ONNX.

The encoding of boxes stays in float64; heads, cameras and the body stay in float32. Half precision is made by
PyTorch: converters of whole ONNX files also round what passes between the operators that they are told to
leave, such as vertices (1 mm at 2 m) and pixels.
"""

import copy
import logging
from collections.abc import Collection, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from mmroi.apis.exported_files import Arrays
from mmroi.utils import track

QUANTIZED = ('Conv', 'Clip', 'Relu', 'Add', 'MaxPool', 'AveragePool', 'Concat', 'Resize')


def halve(estimator: nn.Module) -> nn.Module:
    """Copy a network with its backbone in half precision.

    Args:
        estimator: A ``MeshEstimator``.

    Returns:
        The copy. What enters and leaves the backbone is float32.
    """
    halved: Any = copy.deepcopy(estimator)
    encoder = halved.encoder
    encoder.backbone.half()
    extract = encoder.extract_maps
    # Not by hooks of the backbone, which an encoder may run stage by stage.
    encoder.extract_maps = lambda crops, boxes: [value.float() for value in extract(crops.half(), boxes)]
    return halved


def quantize(path: Path, nodes: Collection[str], people: Iterable[Arrays]) -> None:
    """Turn operators of an ONNX file into 8-bit integers, by ONNX Runtime's static quantization.

    Each channel of the weights has its own scale, and 7 bits, with which processors without VNNI do not
    saturate. Activations have the ranges that they have on the calibration data.

    Args:
        path: File in float32; replaced.
        nodes: Names of its nodes that may be quantized; of them, those of ``QUANTIZED`` operators are.
        people: Calibration data: inputs of the network.

    Raises:
        ValueError: If there are no such nodes: ONNX Runtime would quantize everything.
    """
    if not nodes:
        raise ValueError(
            'int8 found no encoder: the exporter of this PyTorch does not say where nodes are from'
        )
    import onnx  # optional dependencies
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # recommends an optimization that the file does not need
    try:
        with TemporaryDirectory() as folder:
            quantized = Path(folder, path.name)
            quantize_static(
                path,
                quantized,
                _Reader(track(people, description='calibration')),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTIZED),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=list(nodes),
            )
            model = onnx.load(quantized)
    finally:
        root.setLevel(level)
    onnx.helper.set_model_props(model, metadata)  # without the quantizer's own
    onnx.save(model, path)


class _Reader:
    """Calibration data in the form that ONNX Runtime asks for."""

    def __init__(self, people: Iterable[Arrays]) -> None:
        self._people = iter(people)

    def get_next(self) -> Arrays | None:
        return next(self._people, None)
