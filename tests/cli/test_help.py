"""``--help`` of every tool answers before anything heavy is imported."""

import os
import subprocess
import sys

from mmroi.apis import PUBLISHED
from mmroi.apis.inference.motions import WRITERS
from mmroi.evaluation import PROTOCOLS
from mmroi.evaluation.protocols import GROUND_TRUTHS
from mmroi.models.backbones.movenet import VARIANTS
from mmroi.registry import CONVERTERS
from mmroi.synthetic import PRESETS
from mmroi.utils import choices
from mmroi.utils.installation import PACKAGE

# In one new process, because this one has imported everything.
PROGRAM = """
import contextlib, io, sys
from mmroi.cli.tools import find_tools
for tool in find_tools().values():
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as text:
        tool.run(['--help'])
    assert text.getvalue().startswith(f'usage: mmroi {tool.name} '), text.getvalue()
    slow = {'torch', 'mmcv', 'mmdet', 'mmengine', 'scipy', 'skimage', 'matplotlib'} & {*sys.modules}
    assert not slow, f'{tool.name} --help imports {slow}'
"""


def test_help_imports_nothing_heavy():
    environment = {**os.environ, 'PYTHONPATH': str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, '-c', PROGRAM], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_choices_are_the_keys_of_the_tables():
    assert set(choices.PROTOCOLS) == set(PROTOCOLS)
    assert set(choices.GROUND_TRUTHS) == set(GROUND_TRUTHS)
    assert set(choices.MOVENETS) == set(VARIANTS)
    assert choices.MOTIONS == tuple(WRITERS)
    assert set(choices.PRESETS) == set(PRESETS)
    assert choices.CHECKPOINTS == {kind: network.title for kind, network in PUBLISHED.items()}
    assert set(choices.DATASETS) == {
        name for name, kind in CONVERTERS.module_dict.items() if kind.__module__.startswith('mmroi.')
    }
