"""Export a network to one file, as ONNX or as a ``torch.export`` program, and check it against PyTorch."""

import base64
import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmroi.apis.export_precision import halve, quantize
from mmroi.apis.exported_files import (
    BODY_OUTPUTS,
    DEVIATIONS,
    INPUTS,
    METADATA_FILE,
    OUTPUTS,
    Arrays,
    ExportedFile,
    open_onnx,
    open_program,
)
from mmroi.engine.pipelines import CropSettings, check_margin
from mmroi.fileio.atomic import atomic_write
from mmroi.geometry import make_rois, project, roi_offsets
from mmroi.utils.choices import EXPORT_FORMATS, EXPORT_TOLERANCES
from mmroi.version import __version__

ENCODER = 'estimator.encoder'  # as PyTorch's exporter names it
OPSETS = (18, 23)  # range that torch's exporter supports


def read_recipe(cfg: Config) -> CropSettings:
    """Read from a config how crops are taken around a tight box.

    Args:
        cfg: Config of the network.

    Returns:
        Crop settings of the test pipeline.

    Raises:
        ValueError: If ``check_margin`` rejects the config, or the pipeline samples RoIs at random.
    """
    recipe = check_margin(cfg)
    if recipe.random:
        raise ValueError(
            f'config {cfg.filename}: MultiRoICrop samples RoIs at random; export needs the fixed set, '
            'random=False'
        )
    return recipe


def random_inputs(recipe: CropSettings, num_persons: int, seed: int) -> Arrays:
    """Generate people at random positions with crops of noise.

    Args:
        recipe: Crop settings.
        num_persons: Number of people, N.
        seed: Seed of the random numbers.

    Returns:
        Inputs of ``ExportableEstimator`` by name.
    """
    rng = np.random.default_rng(seed)
    focal_length = rng.uniform(500, 2500, num_persons)
    base = rng.uniform((-0.4, -0.4, 0.1), (0.4, 0.4, 0.7), (num_persons, 3)) * focal_length[:, None]
    boxes = make_rois(torch.from_numpy(base), roi_offsets(recipe.num_rois)).numpy()
    shape = (num_persons, recipe.num_crops, 3, *recipe.input_size)
    crops = rng.integers(0, 256, shape, dtype=np.uint8)
    return dict(crops=crops, boxes=boxes, focal_length=focal_length)


class ExportableEstimator(nn.Module):
    """Wrap an estimator as a module that maps tensors to tensors, from pixels to bodies.

    Normalization is included. Boxes and their encoding stay in float64, because the high frequencies of the
    encoding need its precision.

    Args:
        estimator: A ``MeshEstimator``; it is set to evaluation mode.
        with_smpl: Also output vertices, joints and their projections.

    Attributes:
        output_names: Names of the tensors that ``forward`` returns.
    """

    estimator: Any

    def __init__(self, estimator: nn.Module, with_smpl: bool) -> None:
        super().__init__()
        self.estimator = estimator.eval()
        self.output_names: tuple[str, ...] = OUTPUTS + BODY_OUTPUTS if with_smpl else OUTPUTS
        if getattr(estimator, 'uncertainty_head', None) is not None:
            self.output_names += (DEVIATIONS,)

    def forward(self, crops: Tensor, boxes: Tensor, focal_length: Tensor) -> tuple[Tensor, ...]:
        """Predict bodies and cameras.

        Args:
            crops: (N, K, 3, H, W) uint8, BGR, as ``PackHMRInputs`` packs them: M crops, or one for all RoIs.
            boxes: (N, M, 3) float64, center and height in pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            rotations (N, 24, 3, 3), betas (N, 10), local_cameras (N, M, 3) and camera_translation (N, 3);
            ``with_smpl`` also vertices (N, 6890, 3) and joints3d (N, 54, 3), meters, without the translation,
            and keypoints2d (N, 54, 2), pixels relative to the principal point; with an uncertainty head at
            last joints_std (N, 24), meters.
        """
        inputs = self.estimator.data_preprocessor.normalize(crops)
        output = self.estimator.regress(inputs, boxes, focal_length)
        found = self.estimator.predict_tensors(output, boxes, focal_length)
        outputs = dict(vars(found), rotations=found.rotations)
        if 'keypoints2d' in self.output_names:
            outputs['keypoints2d'] = project(found.joints3d, found.camera_translation, focal_length)
        return tuple(outputs[name] for name in self.output_names)


def export_model(
    model: nn.Module,
    out: str | Path,
    file_format: str = 'onnx',
    with_smpl: bool = False,
    opset: int = 20,
    tolerance: float | None = None,
    origin: str = '',
    precision: str = 'fp32',
    calibration: Sequence[Arrays] = (),
) -> dict[str, float]:
    """Write a network to a file that runs without mmroi, and check it against PyTorch.

    The number of people is dynamic; the number of RoIs and the crop size are those of the config's test
    pipeline. The file is kept only if it passes the check.

    Args:
        model: Model returned by ``init_model``, on the CPU.
        out: File to write, ``.onnx`` or ``.pt2``.
        file_format: ``'onnx'`` or ``'torch-export'``.
        with_smpl: Also output vertices, joints and their projections.
        opset: ONNX opset version.
        tolerance: Maximum allowed difference from the network in float32, relative to an output's largest
            magnitude where that exceeds 1; None for that of the precision in ``EXPORT_TOLERANCES``.
        origin: Origin for the file's metadata, such as the name of the checkpoint.
        precision: Of the encoder: ``'fp32'``, ``'fp16'``, or ``'int8'`` for ONNX.
        calibration: Inputs of real people, of which ``'int8'`` takes the ranges of activations.

    Returns:
        Largest absolute difference from PyTorch for each output: on random people, or on the first four of
        the calibration.

    Raises:
        ValueError: If suffix, opset and precision do not fit together, the network cannot be traced, or a
            difference exceeds the tolerance.
    """
    out = Path(out)
    check_target(out, file_format, opset, precision)
    if precision == 'int8' and not calibration:
        raise ValueError('int8 needs people for calibration')
    recipe = read_recipe(model.cfg)
    network = ExportableEstimator(model, with_smpl)
    traced = ExportableEstimator(halve(model), with_smpl) if precision == 'fp16' else network
    program = _trace(traced, recipe)
    metadata = dict(describe(model, recipe, with_smpl, origin), precision=precision)
    people = calibration[:4] or [random_inputs(recipe, count, seed=count) for count in (1, 3)]
    with atomic_write(out) as temporary:
        if file_format == 'onnx':
            encoder = _write_onnx(program, temporary, metadata, network.output_names, opset)
            if precision == 'int8':
                quantize(temporary, encoder, calibration)
            written = open_onnx(temporary)
        else:
            _write_program(program, temporary, metadata)
            written = open_program(temporary)
        allowed = EXPORT_TOLERANCES[precision] if tolerance is None else tolerance
        differences = compare(network, written, people, allowed)
    return differences


def check_target(out: Path, file_format: str, opset: int, precision: str = 'fp32') -> None:
    """Check file name, opset and precision before a network is built.

    Args:
        out: File to write.
        file_format: Key of ``EXPORT_FORMATS``.
        opset: ONNX opset version.
        precision: Key of ``EXPORT_TOLERANCES``.

    Raises:
        ValueError: If the suffix does not match the format, or the opset or the precision is not supported.
    """
    if not OPSETS[0] <= opset <= OPSETS[1]:
        raise ValueError(f'opset must be from {OPSETS[0]} to {OPSETS[1]}, not {opset}')
    if out.suffix != EXPORT_FORMATS[file_format]:
        raise ValueError(
            f'a file in the format {file_format} must end in {EXPORT_FORMATS[file_format]}, not {out.name!r}'
        )
    if precision not in EXPORT_TOLERANCES:
        raise ValueError(f'precision must be {", ".join(EXPORT_TOLERANCES)}, not {precision!r}')
    if precision == 'int8' and file_format != 'onnx':
        raise ValueError(f'int8 needs the format onnx, not {file_format}')


def describe(model: nn.Module, recipe: CropSettings, with_smpl: bool, origin: str = '') -> dict[str, Any]:
    """Return the metadata that a program needs to run the file, as JSON values."""
    preprocessor: Any = model.data_preprocessor
    body_model: Any = model.body_model
    metadata = dict(
        mmroi=__version__,
        origin=origin,
        body_model=body_model.name,
        **describe_crops(recipe),
        **{DEVIATIONS: getattr(model, 'uncertainty_head', None) is not None},
        mean=preprocessor.mean.flatten().tolist(),
        std=preprocessor.std.flatten().tolist(),
        bgr_to_rgb=preprocessor.bgr_to_rgb,
        conventions='crops: BGR, uint8, normalized by the file itself, one for each RoI; with context_size, '
        'one of that size for all: the smallest of its aspect around them. boxes: center x, center y and '
        'height in pixels relative to the principal point. Camera frame: x right, y down, z forward, '
        'meters; add camera_translation to vertices and joints3d. keypoints2d: joints3d in pixels, relative '
        'to the principal point. joints_std, if present: standard deviation of each coordinate of the first '
        '24 joints relative to the pelvis of Human3.6M, meters.',
    )
    if with_smpl:
        faces = body_model.faces.astype('<u2')
        metadata['faces'] = base64.b64encode(faces.tobytes()).decode()  # rows of three uint16
    return metadata


def describe_crops(recipe: CropSettings) -> dict[str, Any]:
    """Return the metadata that a program needs to crop around a tight box, as JSON values."""
    return dict(
        num_rois=recipe.num_rois,
        crop_size=recipe.crop_size,
        context_size=recipe.context_size,
        box_aspect=recipe.box_aspect,
        box_scale=recipe.box_scale,
        roi_offsets=roi_offsets(recipe.num_rois).tolist(),
    )


def _trace(network: ExportableEstimator, recipe: CropSettings) -> torch.export.ExportedProgram:
    """Trace the network for any number of people, which ``torch.onnx`` alone may silently make constant."""
    persons = {0: torch.export.Dim('N', min=1)}
    inputs = random_inputs(recipe, 2, seed=0)
    try:
        with torch.no_grad():
            program = torch.export.export(
                network,
                tuple(torch.from_numpy(inputs[name]) for name in INPUTS),
                dynamic_shapes=dict.fromkeys(INPUTS, persons),
            )
    except Exception as error:  # tracing fails with errors of many classes
        head = type(network.estimator.head).__name__
        raise ValueError(
            f'torch.export cannot trace this network with the head {head}: {str(error).splitlines()[0]}'
        ) from error
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            node.meta.pop('stack_trace', None)  # contains local paths
    return program


def _write_onnx(
    program: torch.export.ExportedProgram,
    path: Path,
    metadata: dict[str, Any],
    names: tuple[str, ...],
    opset: int,
) -> list[str]:
    """Write a program, and return the names of the encoder's nodes."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)  # warns about torchvision, which is not needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            written: Any = torch.onnx.export(
                program,
                dynamo=True,
                input_names=INPUTS,
                output_names=names,
                opset_version=opset,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    nodes = list(written.model.graph)
    encoder = [node.name for node in nodes if ENCODER in node.metadata_props.get('namespace', '')]
    for node in nodes:
        node.metadata_props.clear()  # tracebacks with local paths
    written.model.metadata_props.update({name: json.dumps(value) for name, value in metadata.items()})
    written.save(path, external_data=False)
    return encoder


def _write_program(program: torch.export.ExportedProgram, path: Path, metadata: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # about weights that are views, which are stored whole
        torch.export.save(program, path, extra_files={METADATA_FILE: json.dumps(metadata)})


def compare(
    network: ExportableEstimator, exported: ExportedFile, people: Sequence[Arrays], tolerance: float
) -> dict[str, float]:
    """Compare an exported file with its network.

    Args:
        network: The network in PyTorch.
        exported: The file.
        people: Inputs to compare on.
        tolerance: As in ``export_model``.

    Returns:
        Largest absolute difference for each output.

    Raises:
        ValueError: If a difference exceeds the tolerance or is NaN.
    """
    differences = dict.fromkeys(network.output_names, 0.0)
    for inputs in people:
        with torch.no_grad():
            expected = network(*(torch.from_numpy(inputs[name]) for name in INPUTS))
        found = exported(inputs)
        for name, wanted in zip(network.output_names, expected, strict=True):
            difference = np.abs(found[name] - wanted.numpy()).max()
            bound = tolerance * max(1.0, float(wanted.abs().max()))
            if not difference <= bound:
                raise ValueError(
                    f'{name} differs from PyTorch by {difference:.2g}, more than {bound:.2g}; '
                    'the file is not kept'
                )
            differences[name] = max(differences[name], float(difference))
    return differences
