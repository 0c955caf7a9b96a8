"""Settings of all tests: one thread in each process, because pytest-xdist already fills the cores."""
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402

from mmroi.compat import mmhuman3d  # noqa: E402

torch.set_num_threads(1)
cv2.setNumThreads(1)


@pytest.fixture(autouse=True)
def _isolation() -> Iterator[None]:
    """Each test starts from the same random state and leaves no default scope to the next."""
    torch.manual_seed(0)
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='session')
def import_mmhuman3d() -> Callable[[str], ModuleType]:
    """Imports a module of MMHuman3D, to be compared with."""
    def load(name: str) -> ModuleType:
        return mmhuman3d.load(name)[0]

    return load


@pytest.fixture
def import_mmhuman3d_alone(
        import_mmhuman3d: Callable[[str], ModuleType],
        monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of MMHuman3D without its package, other modules of which need old libraries."""
    spec = find_spec('mmhuman3d')
    packages = []

    def load(name: str) -> ModuleType:
        parent = name.rpartition('.')[0]
        package = ModuleType(f'mmhuman3d.{parent}')
        package.__path__ = [str(Path(spec.origin).parent.joinpath(*parent.split('.')))]
        monkeypatch.setitem(sys.modules, package.__name__, package)
        packages.append(package.__name__)
        return import_mmhuman3d(name)

    yield load
    for name in [name for name in sys.modules if name.startswith(tuple(packages))]:
        del sys.modules[name]
