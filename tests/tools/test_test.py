"""``tools/test.py`` with a shipped checkpoint: drawings, the worst people, test-time augmentation."""

import csv

import cv2
import numpy as np
import pytest

from mmroi.evaluation import MeshMetric, MeshResults
from mmroi.synthetic import StudioSettings, make_dataset

from ..conftest import SHIPPED_MULTI_ROI

NUM_IMAGES = 24


@pytest.fixture(scope='module')
def test(tmp_path_factory, run_tool):
    """``test(name, *arguments)`` tests on some images, and gives the folder of the results."""
    data = tmp_path_factory.mktemp('images')
    make_dataset(data, StudioSettings('easy', 128, 0), 1, NUM_IMAGES, workers=1, progress=False)

    def run(name, *arguments, **options):
        folder = tmp_path_factory.mktemp(name)
        done = run_tool(
            'test.py',
            SHIPPED_MULTI_ROI.config,
            SHIPPED_MULTI_ROI.weights,
            '--work-dir',
            folder / 'work',
            '--out',
            folder / 'results.npz',
            *(str(word).format(folder=folder) for word in arguments),
            '--cfg-options',
            f'test_dataloader.dataset.data_root={data}/',
            'test_dataloader.num_workers=0',
            'test_dataloader.persistent_workers=False',
            **options,
        )
        return folder, done

    return run


@pytest.fixture(scope='module')
def plain(test):
    """Results and drawings of an ordinary test."""
    return test('plain', '--show-dir', '{folder}/pictures', '--worst', 3)[0]


def errors(folder):
    metric = MeshMetric('synthetic')
    results = MeshResults(folder / 'results.npz')
    for batch in results.batches(metric.bodies.neutral):
        metric.process(None, batch)
    return [row['MPJPE'] for row in metric.results]


def test_the_console_shows_the_result_and_the_log_file_the_rest(test):
    folder, done = test('quiet')
    (log,) = (folder / 'work').glob('*/*.log')
    assert 'synthetic/MPJPE' in done.stdout and 'synthetic/MPJPE' in log.read_text()
    for heading in ('System environment:', 'Config:', 'Hooks will be executed'):
        assert heading not in done.stdout and heading in log.read_text()


def test_bfloat16_changes_the_errors_a_little(test, plain):
    exact, low = errors(plain), errors(test('bf16', '--precision', 'bf16')[0])
    # Not of everyone: where front and back look alike, rounding may turn a person around.
    assert low != exact and np.median(np.abs(np.subtract(low, exact)) / exact) < 0.05


def test_the_worst_people(plain):
    names = sorted(path.name for path in (plain / 'pictures').iterdir())
    assert [name[:10] for name in names] == ['001_MPJPE_', '002_MPJPE_', '003_MPJPE_']
    largest = sorted(errors(plain), reverse=True)[:3]
    assert [int(name.split('_')[2]) for name in names] == [round(error) for error in largest]
    assert min(cv2.imread(str(plain / 'pictures' / names[0])).shape[:2]) > 300


def test_confusing_samples_finds_the_same(plain, run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/confusing_samples.py',
        plain / 'results.npz',
        '--protocol',
        'synthetic',
        '--topk',
        3,
        '--out-dir',
        tmp_path,
        '--batch-size',
        7,
    )
    rows = list(csv.DictReader((tmp_path / 'worst.csv').open()))
    largest = sorted(errors(plain), reverse=True)[:3]
    assert [float(row['MPJPE']) for row in rows] == pytest.approx(largest, abs=0.01)
    pictures = sorted(path.stem.split('_')[-1] for path in (plain / 'pictures').iterdir())
    assert sorted(path.stem.split('_')[1] for path in tmp_path.glob('0*.jpg')) == pictures
    assert f'3 of {len(errors(plain))} people' in done.stdout and (tmp_path / 'sheet.jpg').is_file()


def test_the_smallest_pck_comes_first(plain, run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/confusing_samples.py',
        plain / 'results.npz',
        '--protocol',
        'mpi_inf_3dhp',
        '--metric',
        'AUC',
        '--topk',
        3,
        '--out-dir',
        tmp_path,
    )
    metric = MeshMetric('mpi_inf_3dhp')
    MeshResults(plain / 'results.npz').process(metric)
    smallest = sorted(row['AUC'] for row in metric.results)[:3]
    rows = list(csv.DictReader((tmp_path / 'worst.csv').open()))
    assert [float(row['AUC']) for row in rows] == pytest.approx(smallest, abs=0.01)
    assert f'AUC {smallest[0]:.0f} %' in done.stdout


def test_the_mean_over_image_and_mirror_image(plain, test):
    """Another prediction of the same people, not far from that of the image alone."""
    folder, _ = test('tta', '--tta')
    one, both = errors(plain), errors(folder)
    assert len(one) == len(both) and one != both
    assert abs(sum(both) - sum(one)) / len(one) < 15


def test_refinement_with_annotated_keypoints(plain, test):
    """Another prediction of the same people, and a better one."""
    folder, _ = test('refined', '--refine', 'noise=3', 'missing=0.2', 'refiner.prior_weight=0.2')
    one, refined = errors(plain), errors(folder)
    assert len(one) == len(refined)
    assert sum(refined) < 0.9 * sum(one)


def test_bad_input(test):
    _, done = test('bad', '--worst', 3, check=False)
    assert done.returncode == 2
    assert '--interval and --worst choose people for --show-dir or --show' in done.stderr
    _, done = test('bad', '--refine', 'noise', check=False)
    assert done.returncode == 2 and "expected NAME=VALUE such as noise=3, not 'noise'" in done.stderr
    _, done = test('bad', '--refine', '--tta', check=False)
    assert done.returncode == 2 and '--tta and --refine both change the model' in done.stderr
