import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mmroi.datasets import HumanImageDataset
from mmroi.fileio import HumanData

TOOL = Path(__file__).parents[2] / 'tools/analysis_tools/benchmark_humandata.py'


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location('benchmark_humandata', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_made_file_is_one_of_h36m_without_faults(tool: ModuleType, tmp_path: Path) -> None:
    tool.make_file(tmp_path / 'a.npz', 51)
    data = HumanData.fromfile(tmp_path / 'a.npz')
    assert data.keypoints_compressed and data.raw('keypoints3d').shape == (51, 17, 4)
    dataset = HumanImageDataset(str(tmp_path / 'a.npz'), skip_bad=True)
    assert len(dataset) == 51 and not dataset.skipped
    assert dataset.get_data_info(50)['keypoints2d'][:, 2].sum() == 17


@pytest.mark.skipif(not Path('/proc/self/smaps_rollup').exists(), reason='reads the memory maps of Linux')
def test_measures_a_file_and_leaves_nothing_beside_it(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool.make_file(tmp_path / 'a.npz', 40)
    out = tmp_path / 'out.json'
    monkeypatch.setattr(sys, 'argv', ['', str(tmp_path / 'a.npz'), '--workers', '2', '--json', str(out)])
    monkeypatch.setattr(tool, 'in_new_process', lambda function, *args: function(*args))
    tool.main()
    figures = json.loads(out.read_text())
    assert figures['file_mb'] == pytest.approx((tmp_path / 'a.npz').stat().st_size / 2**20)
    assert figures['first']['seconds'] > 0 and figures['second']['peak_mb'] > 0
    assert len(figures['workers']) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.npz', 'out.json']
