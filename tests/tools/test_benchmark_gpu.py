import json

import pytest
import torch


def test_quick_steps_on_a_cpu_resume(run_tool, tmp_path):
    command = 'benchmark_gpu.py', '--quick', '--device', 'cpu', '--work-dir', tmp_path
    done = run_tool(*command, '--steps', 'launcher')
    assert done.stdout.splitlines()[-1] == f'{tmp_path}/quick/summary.md: 1 of 1 steps'
    losses = json.loads((tmp_path / 'quick' / 'launcher.json').read_text())['figures']['rows']
    assert {row['loss'] for row in losses} > {'loss', 'loss_camera', 'loss_smpl'}
    assert all(row['iterations'] == 2 and row['largest_relative_difference'] < 1e-6 for row in losses)

    done = run_tool(*command, '--steps', 'launcher', 'numerics', '--limit', '0.1', check=False)
    failed, skipped, _ = done.stdout.splitlines()
    assert failed.startswith('numerics: failed: analysis_tools/compare_numerics.py took more than 0.1 s')
    assert done.returncode == 1 and skipped == 'launcher: done before'
    summary = (tmp_path / 'quick' / 'summary.md').read_text()
    assert '## launcher' in summary and '| loss_camera ' in summary and '* numerics: ' in summary


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_no_gpu(run_tool, tmp_path):
    done = run_tool('benchmark_gpu.py', '--work-dir', tmp_path / 'work', check=False)
    assert done.returncode and 'there is no GPU that PyTorch can use' in done.stderr.splitlines()[-1]
    assert not (tmp_path / 'work').exists()
