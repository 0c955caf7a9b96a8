"""The tools that measure speed and cost, at tiny size; what they count, never how fast they are."""

import json
import runpy
import sys
from itertools import product
from pathlib import Path

import cv2
import pytest
import torch

from mmroi.apis import build_model
from mmroi.benchmark.speed import humandata
from mmroi.benchmark.speed.humandata import make_h36m_file

from ..conftest import SHIPPED_CLIFF, SMALL_CROP

ROOT = Path(__file__).parents[2]
MACHINE = {'date', 'device', 'cpu', 'cores', 'threads', 'load_before', 'torch'}
ONCE = ('--seconds', '0', '--rounds', '1')


@pytest.fixture
def run(run_tool, tmp_path):
    """``run(tool, ...)`` runs a tool in an empty folder, and gives what it printed and its figures."""

    def measure(name, *arguments):
        done = run_tool(f'analysis_tools/{name}', *arguments, '--json', 'figures.json', cwd=tmp_path)
        return done.stdout, json.loads((tmp_path / 'figures.json').read_text())

    return measure


def check_table(printed, rows):
    lines = [line for line in printed.splitlines() if line.startswith('|')]
    assert [cell.strip() for cell in lines[0].strip('|').split('|')] == list(rows[0])
    assert len(lines) == 2 + len(rows) and len({len(line) for line in lines}) == 1


def test_inference(small_multi_roi, run):
    printed, figures = run(
        'benchmark_inference.py',
        small_multi_roi,
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
    )
    rows = figures['rows']
    name = small_multi_roi.stem
    networks = [(name, 1), (name, 3), ('CLIFF', 1), ('HMR', 1)]
    expected = [
        (*network, batch, precision, 'eager')
        for batch, precision, network in product((1, 2), ('fp32', 'bf16'), networks)
    ]
    assert [tuple(row.values())[:5] for row in rows] == expected
    for first, row in zip([rows[i // 4 * 4] for i in range(16)], rows, strict=True):
        assert row['ratio'] == pytest.approx(row['frames_per_second'] / first['frames_per_second'])
        assert 0 < row['p50_ms'] <= row['p95_ms'] and row['peak_mib'] > 4 * 3.8  # 4 million weights
    assert set(figures['machine']) == MACHINE and figures['crop_size'] == list(SMALL_CROP)
    check_table(printed, rows)


def test_numerics(run):
    printed, figures = run(
        'compare_numerics.py',
        SHIPPED_CLIFF.config,
        '--weights',
        SHIPPED_CLIFF.weights,
        '--batch-size',
        2,
        '--modes',
        'eager',
        'channels_last',
    )
    rows = figures['rows']
    assert [(row['rois'], row['precision'], row['mode']) for row in rows] == [
        (1, precision, mode) for precision, mode in product(('fp32', 'bf16'), ('eager', 'channels_last'))
    ]
    assert all(row['local_cameras'] < 1e-4 and row['vertices_mm'] < 0.1 for row in rows[:2])
    assert all(0 < row['local_cameras'] < 0.1 for row in rows[2:])
    assert set(figures['machine']) == MACHINE
    check_table(printed, rows)


def test_inference_beside_a_network_with_one_crop(small_multi_roi, run, tmp_path):
    other = tmp_path / 'shared.py'
    other.write_text(
        f'_base_ = {str(small_multi_roi)!r}\ncontext_size = (96, 96)\ncrop_size = (64, 64)\n'
        "model = dict(encoder=dict(type='SharedMapEncoder', crop_size=crop_size))\n"
    )
    options = ('--rois', 1, 2, '--batch-sizes', 1, '--no-baselines', *ONCE)
    _, figures = run('benchmark_inference.py', small_multi_roi, '--beside', other, *options)
    networks = [(row['network'], row['rois']) for row in figures['rows']]
    assert networks == list(product((small_multi_roi.stem, 'shared'), (1, 2)))
    ratios = [row['frames_per_second'] / figures['rows'][0]['frames_per_second'] for row in figures['rows']]
    assert [row['ratio'] for row in figures['rows']] == pytest.approx(ratios)
    assert figures['beside'] == [str(other)] and figures['context_size'] is None


def test_inference_from_images_with_a_checkpoint_of_other_rois(small_multi_roi, run, tmp_path):
    torch.save(build_model(small_multi_roi).state_dict(), tmp_path / 'five_rois.pth')
    printed, figures = run(
        'benchmark_inference.py',
        small_multi_roi,
        '--weights',
        'five_rois.pth',
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
    )
    assert 'synthetic images' in printed and figures['frame'] == [320, 200] and figures['from_photo']
    assert [row['rois'] for row in figures['rows']] == [2]


def test_body(run):
    printed, figures = run('benchmark_body.py', '--bodies', 2, *ONCE)
    rows = figures['rows']
    assert [row['layer'] for row in rows] == ['smplx'] * 4 + ['mmroi'] * 4
    assert all(row['ms'] > 0 for row in rows) and set(figures['machine']) == MACHINE
    check_table(printed, rows)


def test_training(small_multi_roi, run):
    printed, figures = run(
        'benchmark_training.py',
        small_multi_roi,
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
    )
    rows = figures['rows']
    variants = ('as configured', 'no channels_last + with_cp')
    assert [(row['rois'], row['variant']) for row in rows] == list(product((1, 2), variants))
    for row in rows:
        assert row['ratio'] == pytest.approx(row['samples_per_second'] / rows[0]['samples_per_second'])
        assert 0 <= row['waiting'] < 1 and row['peak_mib'] > 3 * 4 * 3.8  # weights, two moments of Adam
    assert figures['batch_size'] == 2 and figures['num_workers'] == 1 and set(figures['machine']) == MACHINE
    check_table(printed, rows)


def test_dataloader(small_multi_roi, run):
    printed, figures = run(
        'benchmark_dataloader.py', small_multi_roi, '--samples', 3, '--frame', 480, 360, '--cpu-time', *ONCE
    )
    rows = {row['what']: row for row in figures['rows'] if row['ms_per_person']}
    absent = [row['what'] for row in figures['rows'] if row['what'] not in rows]
    measured = 7 if absent else 8  # where MMPose is installed
    assert all("MMPose's top-down pipeline, for each crop: " in what for what in absent)
    assert figures['frame'] == [480, 360] and figures['people'] == 3 and figures['rois'] == 5
    assert 0 < figures['half_size_share'] <= 1 and figures['half_size_difference'] < 2
    assert figures['cpu_time'] and len(rows) == measured and rows['plain pipeline']['ratio'] == 1
    for row in rows.values():
        assert row['ms_per_person'] == pytest.approx(1e3 / row['people_per_second'])
    check_table(printed, figures['rows'])


def test_flops(small_multi_roi, run):
    printed, figures = run('get_flops.py', small_multi_roi, '--rois', 1, 2)
    assert [row['rois'] for row in figures['rows']] == [1, 2] and figures['crop_size'] == list(SMALL_CROP)
    header = 'M | encoder | fusion | head | body_model | inference | projector | heatmap_head'
    titles = [line for line in printed.splitlines() if 'encoder' in line]
    assert [[cell.strip() for cell in line.strip('|').split('|')] for line in titles] == [
        header.split(' | ')
    ] * 2
    assert printed.count('(million parameters)') == printed.count('(GFLOPs)') == 1


FIGURES_OF_HUMANDATA = ['file_mb', 'first', 'second', 'copy_mb', 'workers']


def test_humandata_leaves_nothing_beside_a_file(run, tmp_path):
    make_h36m_file(tmp_path / 'a.npz', 40)
    printed, figures = run('benchmark_humandata.py', tmp_path / 'a.npz', '--workers', 2)
    assert printed.startswith('first opening: ') and 'worker 1: ' in printed
    assert list(figures) == FIGURES_OF_HUMANDATA and len(figures['workers']) == 2
    assert figures['file_mb'] == pytest.approx((tmp_path / 'a.npz').stat().st_size / 2**20)
    assert figures['copy_mb'] == 0 and figures['first']['seconds'] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.npz', 'figures.json']


def test_humandata_of_a_file_that_is_made(tmp_path, monkeypatch):
    """In this process, as a new one would spend seconds on imports."""
    monkeypatch.setattr(humandata, 'in_new_process', lambda function, *arguments: function(*arguments))
    words = ['benchmark_humandata.py', '--rows', '60', '--workers', '1', '--json', 'figures.json']
    monkeypatch.setattr(sys, 'argv', words)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / 'tools' / 'analysis_tools' / 'benchmark_humandata.py'))['main']()
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert list(figures) == FIGURES_OF_HUMANDATA and figures['file_mb'] > 0


def test_pictures(run, tmp_path):
    options = ('--people', 2, '--frame', 320, 180, '--out', 'pictures', '--seconds', 0, '--rounds', 2)
    printed, figures = run('benchmark_pictures.py', *options)
    assert printed.startswith('2 people in 320x180 pixels; CPU time of one thread.\n')
    assert figures['people'] == 2 and figures['frame'] == [320, 180] and figures['machine']['threads'] == 1
    assert all(0 < row['p50_ms'] <= row['p95_ms'] for row in figures['rows'])
    check_table(printed, figures['rows'])
    assert cv2.imread(str(tmp_path / 'pictures' / 'overlay.png')).shape == (180, 320, 3)
    written = {path.suffix for path in (tmp_path / 'pictures').iterdir()}
    assert written == {'.png', '.glb', '.obj', '.mtl', '.ply'}


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
        (
            'benchmark_inference',
            ['{cliff}', '--rois', '1', '--no-baselines', '--beside', '{cliff}'],
            '--beside: ',
        ),
        ('benchmark_pictures', ['--people', '0'], '--people must be at least 1, not 0'),
        ('benchmark_training', ['{cliff}', '--compare', 'amp+speed'], "joined by +; got 'speed'"),
    ],
)
def test_bad_input(small_cliff, run_tool, tmp_path, tool, arguments, message):
    paths = dict(cliff=small_cliff, data=ROOT / 'configs' / '_base_' / 'datasets' / 'synthetic.py')
    arguments = [argument.format(**paths) for argument in arguments]
    done = run_tool(f'analysis_tools/{tool}.py', *arguments, cwd=tmp_path, check=False)
    assert done.returncode and message in done.stderr.strip().splitlines()[-1]
    assert not any(tmp_path.iterdir())
