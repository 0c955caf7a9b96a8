"""Trainings that are killed, or whose disk is full, at any change of their files lose nothing.

``MMROI_KILLS=300 pytest tests/integration/test_kills.py``, or ``make reliability``, is the long form.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name('kill_training.py')
KILLS = int(os.environ.get('MMROI_KILLS', 6))

pytestmark = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')


def test_no_training_is_lost(tmp_path):
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep.join(sys.path)}
    command = [sys.executable, str(SCRIPT), str(tmp_path), '--kills', str(KILLS), '--seed', '1']
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900 + 30 * KILLS)
    assert done.returncode == 0, done.stderr[-3000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) >= min(KILLS, 6)
    lost = [result for result in results if result['resumed'] or result['unreadable'] or result['differing']]
    assert not lost
    assert {result['ended'] for result in results if result['kind'] == 'kill'} == {-9}
