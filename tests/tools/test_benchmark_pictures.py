"""The tool that times pictures, at tiny size; what it draws and counts, never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'analysis_tools' / 'benchmark_pictures.py'


def run(*arguments, cwd):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, str(TOOL), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def test_figures_and_pictures(tmp_path):
    done = run(
        '--people',
        '2',
        '--frame',
        '320',
        '180',
        '--seconds',
        '0',
        '--rounds',
        '2',
        '--json',
        'a.json',
        '--out',
        'pictures',
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('2 people in 320x180 pixels; CPU time of one thread.\n')
    figures = json.loads((tmp_path / 'a.json').read_text())
    assert figures['people'] == 2 and figures['frame'] == [320, 180] and figures['machine']['threads'] == 1
    names = [row['what'] for row in figures['rows']]
    assert names == ['overlay', 'side view', 'top view', 'cameras', 'RoIs', 'keypoints', '.glb file',
                     '.obj file', '.ply file']  # fmt: skip
    assert all(0 < row['p50_ms'] <= row['p95_ms'] for row in figures['rows'])
    assert done.stdout.count('\n|') == 2 + len(names)
    overlay = cv2.imread(str(tmp_path / 'pictures' / 'overlay.png'))
    assert overlay.shape == (180, 320, 3)
    people = (overlay.max(axis=-1).astype(int) - overlay.min(axis=-1)) > 30  # the photo is gray
    # Two people as tall as the frame, the second farther away.
    assert people[:, :160].any(axis=1).mean() > 0.95 > people[:, 160:].any(axis=1).mean() > 0.7
    written = {path.suffix for path in (tmp_path / 'pictures').iterdir()}
    assert written == {'.png', '.glb', '.obj', '.mtl', '.ply'}


def test_nobody_is_refused(tmp_path):
    done = run('--people', '0', cwd=tmp_path)
    assert done.returncode and '--people must be at least 1, not 0' in done.stderr
