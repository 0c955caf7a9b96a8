"""Every example of docs/customize.md, run section by section as a reader would.

A block preceded by ``<!-- file: NAME -->`` is written to that file. Other ``python`` and ``shell`` blocks
are run in its folder, where ``configs``, ``tools`` and ``checkpoints`` are those of the project.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTIONS = re.split(r'^## ', (ROOT / 'docs/customize.md').read_text(encoding='utf-8'), flags=re.M)[1:]
BLOCK = re.compile(
    r'(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$', flags=re.M | re.S
)


@pytest.mark.parametrize('section', SECTIONS, ids=[section.splitlines()[0] for section in SECTIONS])
def test_examples_run(section: str, tmp_path: Path) -> None:
    for name in ('configs', 'tools', 'checkpoints'):
        (tmp_path / name).symlink_to(ROOT / name)
    blocks = list(BLOCK.finditer(section))
    assert blocks, 'the section has no example'
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]), OMP_NUM_THREADS='1'
    )
    environment['PATH'] = os.pathsep.join([str(Path(sys.executable).parent), environment['PATH']])
    for block in blocks:
        if block['file']:
            path = tmp_path / block['file']
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block['text'], encoding='utf-8')
            continue
        command = {'python': [sys.executable, '-c', block['text']], 'shell': ['bash', '-ec', block['text']]}
        done = subprocess.run(
            command[block['kind']], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f'{block["text"]}\n{done.stdout}\n{done.stderr}'
