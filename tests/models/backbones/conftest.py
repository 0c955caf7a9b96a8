import importlib.util
import sys
from pathlib import Path

import pytest


def load(name):
    path = Path(__file__).with_name(f'{name}.py')
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def reference():
    """The module that made the references of MoveNet."""
    return load('movenet_reference')


@pytest.fixture(scope='session')
def lite_reference(reference):
    """The module that made the reference of EfficientNet-Lite0."""
    return load('efficientnet_lite_reference')
