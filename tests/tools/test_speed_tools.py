"""The tools that measure speed and cost, at tiny size; what they count, never how fast they are."""

import importlib.util
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmroi.registry import MODELS

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools' / 'analysis_tools'
CONFIG = ROOT / 'configs' / 'demo' / 'multi-roi_r18_synthetic.py'
CLIFF = ROOT / 'configs' / 'demo' / 'cliff_r18_synthetic.py'
MACHINE = {'date', 'device', 'cpu', 'cores', 'threads', 'load_before', 'torch'}
ONCE = ('--seconds', '0', '--rounds', '1')


def run(name: str, *arguments: object, cwd: Path) -> tuple[str, dict]:
    """Run a tool as a user does, in an empty folder; what it printed, and its figures."""
    command = [sys.executable, str(TOOLS / name), *map(str, arguments), '--json', 'figures.json']
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((cwd / 'figures.json').read_text())


def load(name: str, monkeypatch: pytest.MonkeyPatch):
    """A tool as a module."""
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_table(printed: str, rows: list[dict]) -> None:
    lines = [line for line in printed.splitlines() if line.startswith('|')]
    assert [cell.strip() for cell in lines[0].strip('|').split('|')] == list(rows[0])
    assert len(lines) == 2 + len(rows) and len({len(line) for line in lines}) == 1


def test_inference(tmp_path):
    printed, figures = run(
        'benchmark_inference.py',
        CONFIG,
        '--rois',
        1,
        3,
        '--batch-sizes',
        1,
        2,
        '--precisions',
        'fp32',
        'bf16',
        *ONCE,
        cwd=tmp_path,
    )
    rows = figures['rows']
    networks = [('multi-roi_r18_synthetic', 1), ('multi-roi_r18_synthetic', 3), ('CLIFF', 1), ('HMR', 1)]
    expected = [
        (*network, batch, precision, 'eager')
        for batch, precision, network in product((1, 2), ('fp32', 'bf16'), networks)
    ]
    assert [tuple(row.values())[:5] for row in rows] == expected
    for first, row in zip([rows[i // 4 * 4] for i in range(16)], rows, strict=True):
        assert row['ratio'] == pytest.approx(row['frames_per_second'] / first['frames_per_second'])
        assert 0 < row['p50_ms'] <= row['p95_ms'] and row['peak_mib'] > 4 * 3.8  # 4 million weights
    assert set(figures['machine']) == MACHINE and figures['crop_size'] == [64, 48]
    check_table(printed, rows)


def test_inference_from_photos_with_a_checkpoint_of_other_rois(tmp_path):
    config = ROOT / 'configs' / 'multi_roi' / 'multi-roi_r18_synthetic.py'
    printed, figures = run(
        'benchmark_inference.py',
        config,
        '--weights',
        ROOT / 'checkpoints' / 'multi-roi_r18_synthetic.pth',
        '--rois',
        2,
        '--batch-sizes',
        1,
        '--from-photo',
        '--frame',
        320,
        200,
        '--no-baselines',
        *ONCE,
        cwd=tmp_path,
    )
    assert 'synthetic photos' in printed and figures['frame'] == [320, 200] and figures['from_photo']
    assert [row['rois'] for row in figures['rows']] == [2]


def test_training(tmp_path):
    printed, figures = run(
        'benchmark_training.py',
        CONFIG,
        '--compare',
        'channels_last+with_cp',
        '--batch-size',
        2,
        '--num-workers',
        1,
        '--rois',
        1,
        2,
        *ONCE,
        cwd=tmp_path,
    )
    rows = figures['rows']
    variants = ('as configured', 'no channels_last + with_cp')
    assert [(row['rois'], row['variant']) for row in rows] == list(product((1, 2), variants))
    for row in rows:
        assert row['ratio'] == pytest.approx(row['samples_per_second'] / rows[0]['samples_per_second'])
        assert 0 <= row['waiting'] < 1 and row['peak_mib'] > 3 * 4 * 3.8  # weights, two moments of Adam
    assert figures['batch_size'] == 2 and figures['num_workers'] == 1 and set(figures['machine']) == MACHINE
    check_table(printed, rows)


def test_dataloader(tmp_path):
    printed, figures = run(
        'benchmark_dataloader.py',
        CONFIG,
        '--samples',
        3,
        '--frame',
        480,
        360,
        '--cpu-time',
        *ONCE,
        cwd=tmp_path,
    )
    rows = {row['what']: row for row in figures['rows']}
    assert figures['frame'] == [480, 360] and figures['people'] == 3 and figures['rois'] == 5
    assert 0 < figures['half_size_share'] <= 1 and figures['half_size_difference'] < 2
    assert figures['cpu_time'] and len(rows) == 6 and rows['plain pipeline']['ratio'] == 1
    for row in rows.values():
        assert row['ms_per_person'] == pytest.approx(1e3 / row['people_per_second'])
    check_table(printed, figures['rows'])


def multiply_adds(config: Config, num_rois: int) -> dict[str, int]:
    """By formula from the sizes of what goes through each convolution and linear layer."""
    init_default_scope('mmroi')
    encoder = MODELS.build(config.model.encoder).eval()
    counted = []
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda m, _, out: counted.append(
                    out[0].numel() * m.in_channels * m.kernel_size[0] * m.kernel_size[1]
                )
            )
    encoder(torch.zeros(1, 1, 3, 64, 48))
    d, width, encoding = 256, 512, 3 + 6 * 32
    pairs = num_rois * d * 256 + num_rois**2 * encoding * 256  # of each feature once
    scores = num_rois * (num_rois * 256 * 256 + 256 * 256 + 256 * num_rois)
    return dict(
        encoder=num_rois * sum(counted),
        fusion=pairs + scores + num_rois**2 * d,
        head=camera_decoder(num_rois, d, width) + mesh_decoder(num_rois, d, width),
    )


def decoder(inputs: int, outputs: int, width: int) -> int:
    """Three steps; the first layer's part for the features is computed once."""
    return inputs * width + 3 * (outputs * width + width * width + width * outputs)


def camera_decoder(num_rois: int, d: int, width: int) -> int:
    return num_rois * decoder(d + 3, 3, width)


def mesh_decoder(num_rois: int, d: int, width: int) -> int:
    return decoder(d + 3 * num_rois, 144 + 10, width)


def test_flops_by_formula(tmp_path):
    printed, figures = run('get_flops.py', CONFIG, '--rois', 1, 2, 5, cwd=tmp_path)
    rows = {row['rois']: row for row in figures['rows']}
    assert list(rows) == [1, 2, 5]
    for num_rois, row in rows.items():
        for part, expected in multiply_adds(Config.fromfile(CONFIG), num_rois).items():
            assert row['flops'][part] == 2 * expected, part
        for figures in (row['flops'], row['parameters']):
            parts = ('encoder', 'fusion', 'head', 'body_model')
            assert figures['inference'] == sum(figures[part] for part in parts)
        others = row['parameters']['projector'] + row['parameters']['heatmap_head']
        assert row['parameters']['inference'] + others == row['all_parameters']
    assert rows[5]['flops']['encoder'] == 5 * rows[1]['flops']['encoder']
    assert rows[5]['flops']['body_model'] == rows[1]['flops']['body_model'] > 2 * 6890 * 24 * 12
    assert printed.count('GFLOPs') == 1


def test_counts_of_single_layers(monkeypatch):
    tool = load('get_flops', monkeypatch)
    linear, conv = nn.Linear(7, 5), nn.Conv2d(3, 8, 3, stride=2, padding=1)
    assert tool.count(lambda: linear(torch.zeros(4, 7)))[1] == 2 * 4 * 7 * 5
    assert tool.count(lambda: conv(torch.zeros(2, 3, 10, 6)))[1] == 2 * 2 * 8 * (5 * 3) * (3 * 9)
    assert tool.parameters_of(linear) == 7 * 5 + 5 and tool.parameters_of(None) == 0


def test_cliff_takes_one_roi(monkeypatch):
    tool = load('get_flops', monkeypatch)
    init_default_scope('mmroi')
    model = Config.fromfile(CLIFF).model
    assert tool.measure(model, 2, (64, 48)) is None
    row = tool.measure(model, 1, (64, 48))
    assert row['flops']['fusion'] == row['parameters']['projector'] == 0
    assert row['flops']['head'] == 2 * decoder(256 + 3, 157, 512)


def test_baselines_without_the_model_itself(monkeypatch):
    tool = load('benchmark_inference', monkeypatch)
    init_default_scope('mmroi')
    models = [Config.fromfile(path).model for path in (CONFIG, CLIFF)]
    assert [list(tool.baselines(model, 256)) for model in models] == [['CLIFF', 'HMR'], ['HMR']]
    hmr = MODELS.build(tool.baselines(models[0], 256)['HMR'])
    assert hmr.head.boxes == 'none' and hmr.fusion is None and not hmr.losses


def test_photos_of_another_shape_keep_their_labels(monkeypatch, tmp_path):
    tool = load('benchmark_dataloader', monkeypatch)
    cv2, np = tool.cv2, tool.np
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[40:60, 200:220] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), photo)
    row = dict(
        img_path=str(tmp_path / 'a.png'),
        bbox_xywh=np.array([200.0, 40, 20, 20]),
        focal_length=50.0,
        keypoints2d=np.array([[210.0, 50, 1]]),
        principal_point=np.array([150.0, 50]),
    )
    for frame in ((200, 200), (800, 200)):
        from_wide = sys.modules['mmroi.benchmark.speed.pipelines'].enlarge(row, frame, tmp_path / 'b.jpg')
        seen = cv2.imread(from_wide['img_path'])
        x, y, width, height = from_wide['bbox_xywh']
        found = np.argwhere(seen[:, :600, 0] > 128)
        assert seen.shape[:2] == frame[::-1] and (width, height) == (40, 40)
        np.testing.assert_allclose(found.mean(0) + 0.5, (y + 20, x + 20), atol=0.5)
        np.testing.assert_allclose(from_wide['keypoints2d'], [[x + 20, y + 20, 1]])
        np.testing.assert_allclose(from_wide['principal_point'], (x + 20 - 120, 100))
        assert from_wide['focal_length'] == 100


@pytest.mark.parametrize(
    'tool, arguments, message',
    [
        ('get_flops', ['nothing.py'], 'config nothing.py does not exist'),
        ('get_flops', ['{cliff}', '--rois', '2'], 'takes none of --rois 2'),
        ('get_flops', ['{data}'], 'has no `model`'),
        ('benchmark_inference', ['{cliff}', '--rois', '0'], '--rois must be at least 1'),
        ('benchmark_inference', ['{cliff}', '--rois', '1', '--weights', 'none.pth'], 'none.pth'),
        (
            'benchmark_inference',
            ['{cliff}', '--device', 'cuda', '--cpu-time'],
            '--cpu-time needs --device cpu',
        ),
        ('benchmark_training', ['{cliff}', '--compare', 'amp+speed'], "joined by +; got 'speed'"),
    ],
)
def test_bad_input(monkeypatch, tmp_path, capsys, tool, arguments, message):
    paths = dict(cliff=CLIFF, data=ROOT / 'configs' / '_base_' / 'datasets' / 'synthetic.py')
    monkeypatch.setattr(sys, 'argv', [tool, *(argument.format(**paths) for argument in arguments)])
    monkeypatch.chdir(tmp_path)
    module = load(tool, monkeypatch)
    with pytest.raises(SystemExit) as end:
        module.run_tool(module.main)
    assert message in capsys.readouterr().err + str(end.value)
    assert not any(tmp_path.iterdir())
