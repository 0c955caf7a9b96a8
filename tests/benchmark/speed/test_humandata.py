from pathlib import Path

import pytest

from mmroi.benchmark.speed import humandata
from mmroi.datasets import HumanImageDataset
from mmroi.fileio import HumanData

linux = pytest.mark.skipif(
    not Path('/proc/self/smaps_rollup').exists(), reason='reads the memory maps of Linux'
)


def test_made_file_is_one_of_h36m_without_faults(tmp_path):
    humandata.make_h36m_file(tmp_path / 'a.npz', 51)
    data = HumanData.fromfile(tmp_path / 'a.npz')
    assert data.keypoints_compressed and data.raw('keypoints3d').shape == (51, 17, 4)
    dataset = HumanImageDataset(str(tmp_path / 'a.npz'), skip_bad=True)
    assert len(dataset) == 51 and not dataset.skipped
    assert dataset.get_data_info(50)['keypoints2d'][:, 2].sum() == 17


@linux
def test_figures_of_openings_and_workers(tmp_path):
    humandata.make_h36m_file(tmp_path / 'a.npz', 40)
    opening = humandata.open_file(tmp_path / 'a.npz')
    assert (
        0 < opening['cpu_seconds'] and opening['seconds'] > 0 and opening['peak_mb'] >= opening['memory_mb']
    )
    workers = humandata.read_in_workers(tmp_path / 'a.npz', 2)
    assert [set(worker) for worker in workers] == [{'own_mb', 'share_mb', 'resident_mb', 'microseconds'}] * 2


def test_a_process_of_its_own():
    import os

    assert humandata.in_new_process(os.getpid) != os.getpid()
