"""Exported files under the metric of a config, beside PyTorch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmroi.apis import build_model
from mmroi.apis.export import export_model
from mmroi.benchmark.exported import PYTORCH, compare_exported, evaluate_all, open_all, table_rows
from mmroi.synthetic import StudioSettings, make_dataset

pytestmark = pytest.mark.usefixtures('mmroi_scope')


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('evaluation')
    make_dataset(folder, StudioSettings('easy', 96), 0, 5, workers=1, progress=False)
    return folder


@pytest.fixture(scope='module')
def model(folder: Path, small_multi_roi: Path) -> torch.nn.Module:
    """A network with random weights, and five people to test it on."""
    torch.manual_seed(0)
    cfg = Config.fromfile(small_multi_roi)
    cfg.merge_from_dict(dict(num_rois=2))
    cfg.test_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.test_dataloader.dataset.data_root = f'{folder}/'
    return build_model(cfg).eval()


@pytest.fixture(scope='module')
def files(model: torch.nn.Module, folder: Path) -> tuple[Path, Path]:
    """A file with the body, and one without."""
    export_model(model, folder / 'body.onnx', with_smpl=True)
    export_model(model, folder / 'bare.pt2', 'torch-export')
    return folder / 'body.onnx', folder / 'bare.pt2'


def test_files_have_the_errors_of_the_test_loop(
    model: torch.nn.Module, files: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = compare_exported(model, files, seconds=0, rounds=1)
    assert [row['name'] for row in rows] == [PYTORCH, 'body.onnx', 'bare.pt2']
    assert [row['megabytes'] for row in rows] == [None, *(path.stat().st_size / 1e6 for path in files)]
    runner = Runner(
        model=model,
        work_dir=str(tmp_path),
        test_dataloader=model.cfg.test_dataloader,
        test_evaluator=model.cfg.test_evaluator,
        test_cfg=dict(),
        experiment_name='evaluation',
        default_scope='mmroi',
        log_level='ERROR',
    )
    expected = runner.test()
    assert 'synthetic/MPJPE' in expected
    for row in rows:
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-2, rel=1e-4)
        assert row['largest_distance'] >= row['mean_distance'] >= 0
        assert row['largest_distance'] < 0.1 and row['ms'] > 0 and row['speed'] > 0
    assert rows[0]['largest_distance'] == 0 and rows[0]['speed'] == 1
    table = table_rows(rows)
    assert table[1]['file'] == 'body.onnx' and table[1]['MPJPE'] == rows[1]['synthetic/MPJPE']
    assert {'PA-MPJPE', 'camera_translation', 'MB', 'speed'} < set(table[0])


def test_a_wrong_file_shows(model: torch.nn.Module) -> None:
    """All points 30 mm further left and the camera 100 mm further away, or a body of twice the size."""
    runs = open_all(model, [])

    def moved(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = {name: value.copy() for name, value in runs[PYTORCH](inputs).items()}
        found['vertices'][..., 0] -= 0.03
        found['joints3d'][..., 0] -= 0.03
        found['camera_translation'][:, 2] += 0.1
        return found

    def twice(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = runs[PYTORCH](inputs)
        return {**found, 'vertices': 2 * found['vertices']}

    def people() -> Iterator[dict]:
        yield from Runner.build_dataloader(model.cfg.test_dataloader)

    results = evaluate_all(model, {**runs, 'moved': moved, 'twice': twice}, people())
    right = results[PYTORCH]
    assert results['moved']['mean_distance'] == pytest.approx(30, abs=1e-3)
    assert results['moved']['largest_distance'] == pytest.approx(30, abs=1e-3)
    for metric in ('MPJPE', 'PA-MPJPE', 'PVE'):  # relative to the root, or aligned
        assert results['moved'][f'synthetic/{metric}'] == pytest.approx(
            right[f'synthetic/{metric}'], abs=1e-2
        )
    camera = 'synthetic/camera_translation'  # of the pelvis
    assert 1 < abs(results['moved'][camera] - right[camera]) < 130  # by the triangle inequality
    for metric in ('MPJPE', 'PVE'):
        assert abs(results['twice'][f'synthetic/{metric}'] - right[f'synthetic/{metric}']) > 10
    assert results['twice']['synthetic/PA-MPJPE'] == pytest.approx(right['synthetic/PA-MPJPE'], abs=1e-2)
    assert results['twice'][camera] == right[camera]


def test_bad_files(model: torch.nn.Module, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / 'text.onnx').write_text('no network')
    (tmp_path / 'model.engine').touch()
    for path, kind, words in (
        (tmp_path / 'absent.onnx', FileNotFoundError, 'absent.onnx does not exist: write it by'),
        (tmp_path / 'text.onnx', ValueError, 'text.onnx cannot be read'),
        (tmp_path / 'model.engine', ValueError, 'must end in .onnx or .pt2'),
    ):
        with pytest.raises(kind, match=words):
            open_all(model, [files[0], path])
    scale = next(step for step in model.cfg.test_dataloader.dataset.pipeline if step.type == 'GetPersonBox')
    scale.scale = 1.4
    try:
        with pytest.raises(
            ValueError, match=r'body.onnx was made for other crops.*box_scale is 1\.2, not 1\.4'
        ):
            open_all(model, files)
    finally:
        scale.pop('scale')
