"""Every example of docs/customize.md, run section by section as a reader would."""

import re
from pathlib import Path

import pytest
from commands import ROOT, read_blocks, run_block

SECTIONS = re.split(r'^## ', (ROOT / 'docs/customize.md').read_text(encoding='utf-8'), flags=re.M)[1:]


@pytest.mark.parametrize('section', SECTIONS, ids=[section.splitlines()[0] for section in SECTIONS])
def test_examples_run(section: str, tmp_path: Path) -> None:
    for name in ('configs', 'tools', 'checkpoints'):
        (tmp_path / name).symlink_to(ROOT / name)
    blocks = read_blocks(section)
    assert blocks, 'the section has no example'
    for block in blocks:
        assert run_block(block, tmp_path) is None
