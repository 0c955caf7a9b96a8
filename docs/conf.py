"""Settings of Sphinx, which builds the documentation: ``make docs``."""

import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmroi.version import __version__  # noqa: E402

# Where a browser finds the project's files, such as https://HOST/OWNER/mmroi/blob/main
REPOSITORY = os.environ.get('MMROI_REPOSITORY')

project = 'mmroi'
author = 'the mmroi contributors'
release = __version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
exclude_patterns = ['_build']

# anchors of headings are those of GitHub
myst_heading_anchors = 4

# Docstrings have Google's style; single backticks are code.
default_role = 'code'
add_module_names = False
autodoc_member_order = 'bysource'
napoleon_use_ivar = True
napoleon_use_rtype = False

# Copy commands without their prompts and output.
copybutton_prompt_text = r'\$ |>>> '
copybutton_prompt_is_regexp = True

html_theme = 'furo'
html_title = f'mmroi {release}'

linkcheck_timeout = 20
linkcheck_retries = 2
# pages that need a login or answer programs with an error
linkcheck_ignore = [r'http://vision\.imar\.ro/', r'https://(smpl|bedlam)\.is\.tue\.mpg\.de']


def point_to_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn links to files beside ``docs`` into links to the repository, or into their paths without one."""

    def replace(link: re.Match[str]) -> str:
        text, path, anchor = link.groups()
        if not (ROOT / path).exists():
            logging.getLogger(__name__).warning('no such file: %s', path, location=page)
        if REPOSITORY:
            return f'[{text}]({REPOSITORY}/{path}{anchor or ""})'
        return text if text.strip('`') == path else f'{text} (`{path}`)'

    source[0] = re.sub(r'\[([^]]*)\]\(\.\./([^)#]+)(#[^)]*)?\)', replace, source[0])


def setup(app: Sphinx) -> None:
    """Register what this file adds to Sphinx."""
    app.connect('source-read', point_to_repository)
