"""Settings of all tests: one thread in each process, because pytest-xdist already fills the cores."""
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402

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
    """Imports a module of MMHuman3D, to be compared with; leaves no trace in ``sys.modules``.

    MMHuman3D refuses mmcv 2.x. Its data structures and keypoint tables use nothing of it but ``print_log``,
    so that a stand-in serves.
    """
    standin, utils = ModuleType('mmcv'), ModuleType('mmcv.utils')
    standin.__version__, standin.utils, utils.print_log = '1.6.1', utils, lambda *args, **kwargs: None

    def load(name: str) -> ModuleType:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, 'mmcv', standin)
            patch.setitem(sys.modules, 'mmcv.utils', utils)
            try:
                return import_module(f'mmhuman3d.{name}')
            except ModuleNotFoundError as error:
                pytest.fail(f'{error}: this test compares with MMHuman3D; '
                            'pip install --no-deps mmhuman3d==0.11.0')
            finally:
                for module in [m for m in sys.modules if m.split('.')[0] == 'mmhuman3d']:
                    del sys.modules[module]

    return load
