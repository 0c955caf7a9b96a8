"""Export to ONNX and to torch.export, and the example that runs the file without this project."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import trimesh
from mmcv.transforms import Compose

from mmroi.apis import build_model, init_model
from mmroi.synthetic import StudioSettings, make_dataset

from ..conftest import SHIPPED_MULTI_ROI, SMALL_CROP
from ..tool_runner import run_tool

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools' / 'deployment'
# of the shipped Multi-RoI
NUM_ROIS = 5
CROP_SIZE = (256, 192)
ALONE = """
import importlib.abc, runpy, sys
class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in blocked:
            raise ImportError(f'{name} is out of bounds')
blocked = {'torch', 'mmroi', 'mmengine', 'mmcv', 'mmdet', 'scipy', 'PIL', 'onnx', 'trimesh', 'roma', *more}
sys.meta_path.insert(0, Gate())
sys.path.pop(0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def load_tool(name: str):
    """A tool as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def export(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """Run the exporter as a user does."""
    return run_tool('deployment/export_onnx.py', *arguments, cwd=cwd, check=False)


def run_example(*arguments: object, cwd: Path, blocked: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Run the example where nothing of this project can be imported."""
    code = f'more = {blocked!r}\n{ALONE}'
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    return subprocess.run(
        [sys.executable, '-c', code, str(TOOLS / 'run_onnx.py'), *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope='module')
def example():
    """The example as a module."""
    return load_tool('run_onnx')


@pytest.fixture(scope='module')
def photo(tmp_path_factory) -> Path:
    """A synthetic photo."""
    folder = tmp_path_factory.mktemp('photo')
    make_dataset(folder, StudioSettings('easy', 192), 1, 0, workers=1, progress=False)
    return next(folder.rglob('*.jpg'))


@pytest.fixture(scope='module')
def cliff(small_cliff, tmp_path_factory) -> tuple[Path, Path]:
    """Config and random weights of a small CLIFF."""
    return small_cliff, save_random_weights(small_cliff, tmp_path_factory.mktemp('weights') / 'cliff.pth')


def save_random_weights(config: Path, checkpoint: Path) -> Path:
    torch.save(build_model(config).state_dict(), checkpoint)
    return checkpoint


@pytest.fixture(scope='module')
def onnx_file(tmp_path_factory) -> Path:
    """The shipped Multi-RoI with its body."""
    folder = tmp_path_factory.mktemp('onnx')
    shipped = SHIPPED_MULTI_ROI.config, SHIPPED_MULTI_ROI.weights
    done = export(*shipped, '--out', 'new/model.onnx', '--with-smpl', cwd=folder)
    assert done.returncode == 0, done.stderr
    names = ('rotations', 'betas', 'local_cameras', 'camera_translation')
    names += ('vertices', 'joints3d', 'keypoints2d')
    printed = dict(line.split() for line in done.stdout.splitlines() if line.startswith('  '))
    assert tuple(printed) == names
    assert all(float(printed[name]) < 1e-4 for name in names if name != 'keypoints2d')  # which are pixels
    assert [path.name for path in (folder / 'new').iterdir()] == ['model.onnx']
    return folder / 'new' / 'model.onnx'


@pytest.fixture(scope='module')
def metadata(onnx_file) -> dict:
    session = onnxruntime.InferenceSession(onnx_file, providers=['CPUExecutionProvider'])
    return {name: json.loads(value) for name, value in session.get_modelmeta().custom_metadata_map.items()}


def test_shapes_metadata_and_no_path_of_this_machine(onnx_file, metadata):
    model = onnx.load(onnx_file)
    onnx.checker.check_model(model)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    (persons,) = {shape[0] for shape in shapes.values()}
    assert isinstance(persons, str)  # free
    assert {name: shape[1:] for name, shape in shapes.items()} == dict(
        crops=[NUM_ROIS, 3, *CROP_SIZE],
        boxes=[NUM_ROIS, 3],
        focal_length=[],
        rotations=[24, 3, 3],
        betas=[10],
        local_cameras=[NUM_ROIS, 3],
        camera_translation=[3],
        vertices=[6890, 3],
        joints3d=[54, 3],
        keypoints2d=[54, 2],
    )
    kinds = {
        value.name: onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
        for value in model.graph.input
    }
    assert kinds == dict(crops='UINT8', boxes='DOUBLE', focal_length='DOUBLE')
    assert metadata['num_rois'] == NUM_ROIS and metadata['crop_size'] == list(CROP_SIZE)
    assert metadata['box_scale'] == 1.2 and metadata['box_aspect'] == 0.75 and metadata['bgr_to_rgb'] is True
    assert metadata['roi_offsets'][2] == [-0.1, 0.0, 1.25]
    assert metadata['mean'] == [127.5] * 3
    assert str(ROOT).encode() not in onnx_file.read_bytes()


def test_crops_equal_the_pipeline(example, metadata):
    """Bit by bit: smaller and larger people than crops, across the border, odd sizes."""
    model = init_model(SHIPPED_MULTI_ROI.name)
    pipeline = Compose(model.cfg.test_pipeline)
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (61, 83, 3), dtype=np.uint8), (1499, 1001))
    bboxes = np.array([[300.0, 30, 900, 1000], [11.1, 12.2, 44.3, 130.4], [-90.5, 100.25, 700, 1200]])
    inputs = example.make_inputs(image, bboxes, None, metadata)
    for i, (left, top, right, bottom) in enumerate(bboxes):
        xywh = np.array([left, top, right - left, bottom - top])
        packed = pipeline(dict(img=image.copy(), bbox_xywh=xywh))
        np.testing.assert_array_equal(inputs['crops'][i], packed['inputs'].numpy())
        np.testing.assert_array_equal(inputs['boxes'][i], packed['data_samples'].boxes)
        assert inputs['focal_length'][i] == packed['data_samples'].focal_length


def test_example_without_this_project(onnx_file, photo, tmp_path):
    """Two people of a photo: the numbers of the project itself, a mesh file and a picture."""
    bboxes = np.array([[40.0, 20, 150, 180], [10, 5, 90, 120]])
    flags = [word for bbox in bboxes for word in ('--bbox', *bbox)]
    done = run_example(photo, *flags, '--onnx', onnx_file, '--out-dir', 'out', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    model = init_model(SHIPPED_MULTI_ROI.name)
    pipeline = Compose(model.cfg.test_pipeline)
    people = [
        pipeline(dict(img_path=str(photo), bbox_xywh=np.array([x, y, u - x, v - y]))) for x, y, u, v in bboxes
    ]
    with torch.no_grad():
        samples = model.test_step({key: [person[key] for person in people] for key in people[0]})
    found = np.load(tmp_path / 'out' / f'{photo.stem}.npz')
    for i, sample in enumerate(samples):
        expected = sample.pred_instances
        for name in ('betas', 'local_cameras', 'camera_translation'):
            np.testing.assert_allclose(found[name][i], expected[name][0], atol=1e-4, rtol=1e-4)
        for name in ('vertices', 'joints3d'):  # meters
            np.testing.assert_allclose(found[name][i], expected[name][0], atol=1e-4, rtol=0)
        np.testing.assert_allclose(found['rotations'][i, 1:], expected.body_pose[0], atol=1e-4)
        np.testing.assert_allclose(found['rotations'][i, 0], expected.global_orient[0], atol=1e-4)
        points = (found['joints3d'][i] + found['camera_translation'][i]).astype(float)
        pixels = found['focal_length'][i] * points[:, :2] / points[:, 2:]
        np.testing.assert_allclose(found['keypoints2d'][i], pixels, atol=1e-3)
        assert f'person {i}: {expected.camera_translation[0, 2]:.2f} m away' in done.stdout
    mesh = trimesh.load(tmp_path / 'out' / f'{photo.stem}.obj', process=False)
    assert (len(mesh.vertices), len(mesh.faces)) == (2 * 6890, 2 * 13776)
    wanted = (found['vertices'] + found['camera_translation'][:, None]).reshape(-1, 3) * [1, -1, -1]
    np.testing.assert_allclose(mesh.bounds, [wanted.min(0), wanted.max(0)], atol=1e-4)
    drawn, image = cv2.imread(tmp_path / 'out' / f'{photo.stem}_overlay.png'), cv2.imread(photo)
    changed = (drawn != image).any(-1)
    focal_length, size = found['focal_length'][0], np.array(image.shape[1::-1])
    inside = found['vertices'][0] + found['camera_translation'][0]
    pixels = np.rint(focal_length * inside[:, :2] / inside[:, 2:] + size / 2).astype(int)
    pixels = pixels[((pixels >= 0) & (pixels < size)).all(1)]
    assert changed[pixels[:, 1], pixels[:, 0]].mean() > 0.97 and changed.mean() < 0.9


def test_torch_export(cliff, tmp_path):
    """The program of a CLIFF gives PyTorch's numbers for any number of people."""
    done = export(*cliff, '--format', 'torch-export', '--out', 'model.pt2', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = {'mmroi.json': ''}
    program = torch.export.load(tmp_path / 'model.pt2', extra_files=files)
    recipe = json.loads(files['mmroi.json'])
    assert recipe['num_rois'] == 1 and 'faces' not in recipe
    assert str(ROOT) not in str(program.graph_module)
    model = init_model(*cliff)
    for persons in (1, 4):
        crops = torch.randint(0, 256, (persons, 1, 3, *SMALL_CROP), dtype=torch.uint8)
        boxes = torch.rand(persons, 1, 3, dtype=torch.float64) * 100 + 200
        focal_length = torch.full((persons,), 900.0, dtype=torch.float64)
        with torch.no_grad():
            found = program.module()(crops, boxes, focal_length)
            output = model.regress(model.data_preprocessor.normalize(crops), boxes, focal_length)
        torch.testing.assert_close(found[1], output['betas'])
        torch.testing.assert_close(found[2], output['cameras'])


def test_8_bit_integers_beside_pytorch(cliff, tmp_path):
    make_dataset(tmp_path / 'data', StudioSettings('easy', 128), 3, 3, workers=1, progress=False)
    calibration = ('--precision', 'int8', '--calibration', 'data/train.npz', '--calibration-people', 2)
    done = export(*cliff, '--out', 'model.onnx', *calibration, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    options = ('data_root=data', 'batch_size=2', 'num_workers=0', 'persistent_workers=False')
    loader = [f'test_dataloader.{"dataset." * (i == 0)}{option}' for i, option in enumerate(options)]
    done = run_tool(
        'deployment/evaluate_exported.py',
        cliff[0],
        *('--checkpoint', cliff[1], '--files', 'model.onnx', '--json', 'figures.json'),
        *('--seconds', 0, '--rounds', 1, '--cfg-options', *loader),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    network, file = json.loads((tmp_path / 'figures.json').read_text())['rows']
    assert network['name'] == 'PyTorch' and file['name'] == 'model.onnx'
    assert network['largest_distance'] == 0 < file['mean_distance'] < 100
    assert 0 < file['synthetic/MPJPE'] != network['synthetic/MPJPE']
    header, _, *lines = [line for line in done.stdout.splitlines() if line.startswith('|')]
    assert [word.strip() for word in header.strip('|').split('|')][:4] == ['file', 'MB', 'MPJPE', 'PA-MPJPE']
    assert len(lines) == 2 and 'model.onnx' in lines[1]


def test_checkpoint_of_another_config(small_cliff, small_multi_roi, tmp_path):
    weights = save_random_weights(small_multi_roi, tmp_path / 'multi-roi.pth')
    done = export(small_cliff, weights, '--out', 'model.onnx', cwd=tmp_path)
    assert done.returncode == 1 and 'another architecture' in done.stderr.strip().splitlines()[-1]
    assert 'Traceback' not in done.stderr and list(tmp_path.iterdir()) == [weights]


@pytest.mark.parametrize(
    'arguments, missing, words',
    [
        (('--out', 'model.pt2'), (), 'must end in .onnx'),
        (('--out', 'm.onnx', '--format', 'torch-export'), (), 'must end in .pt2'),
        (('--out', 'model.onnx', '--opset', '9'), (), 'opset must be from 18'),
        (
            ('--out', 'm.pt2', '--format', 'torch-export', '--precision', 'int8', '--calibration', 'a.npz'),
            (),
            'int8 needs the format onnx',
        ),
        (
            ('--out', 'model.onnx'),
            ('onnxruntime', 'onnxscript'),
            r"needs onnxruntime, onnxscript: pip install 'mmroi\[deploy\]'",
        ),
    ],
)
def test_exporter_says_what_is_wrong(cliff, arguments, missing, words, tmp_path, monkeypatch):
    tool = load_tool('export_onnx')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['export_onnx.py', *map(str, cliff), *arguments])
    if missing:
        monkeypatch.setattr(tool, 'find_spec', lambda name: None if name in missing else name)
    with pytest.raises(SystemExit, match=words):
        tool.main()
    assert not list(tmp_path.iterdir())


def test_example_says_what_is_wrong(onnx_file, photo, tmp_path):
    good = dict(photo=photo, bbox=(40, 20, 150, 180), onnx=onnx_file)
    (tmp_path / 'text.onnx').write_text('no network')
    (tmp_path / 'empty.jpg').touch()
    for change, blocked, words in (
        (dict(photo='absent.jpg'), (), 'absent.jpg is not a readable image'),
        (dict(photo='empty.jpg'), (), 'empty.jpg is not a readable image'),
        (dict(bbox=(150, 20, 40, 180)), (), 'right > left'),
        (dict(bbox=('nan', 20, 40, 180)), (), 'right > left'),
        (dict(bbox=(500, 20, 600, 180)), (), 'outside the image of width 192'),
        (dict(onnx='absent.onnx'), (), 'absent.onnx does not exist'),
        (dict(onnx='text.onnx'), (), 'not a readable ONNX file'),
        ({}, ('onnxruntime',), 'onnxruntime is not installed'),
    ):
        call = {**good, **change}
        done = run_example(
            call['photo'], '--bbox', *call['bbox'], '--onnx', call['onnx'], cwd=tmp_path, blocked=blocked
        )
        assert done.returncode == 1 and words in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
