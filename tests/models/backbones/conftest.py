import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def reference():
    """The module that made the references of MoveNet."""
    path = Path(__file__).with_name('movenet_reference.py')
    spec = importlib.util.spec_from_file_location('movenet_reference', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
