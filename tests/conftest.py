"""Settings of all tests: one thread in each process, because pytest-xdist already fills the cores."""

import io
import os
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from mmengine.registry import DefaultScope, init_default_scope  # noqa: E402
from scipy import sparse  # noqa: E402

from mmroi.apis.model_index import IndexedModel, read_model_index  # noqa: E402
from mmroi.body_models.body_files import OPEN_BODY, load_body_file  # noqa: E402
from mmroi.compat import mmhuman3d  # noqa: E402
from mmroi.registry import MODELS  # noqa: E402

from .tool_runner import run_tool  # noqa: E402

ROOT = Path(__file__).parents[1]


def shipped(folder: str) -> IndexedModel:
    """Find the model of a folder of ``configs/`` that has weights."""
    (model,) = (m for m in read_model_index().values() if m.weights and m.config.parent.name == folder)
    return model


SMALL_CROP = (64, 48)  # height, width
# damaged files of each kind; `make reliability` takes more
FUZZ_CASES = int(os.environ.get('MMROI_FUZZ_CASES', '40'))
SHIPPED_MULTI_ROI, SHIPPED_CLIFF = shipped('multi_roi'), shipped('cliff')

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
    """Import a module of MMHuman3D, to be compared with."""

    def load(name: str) -> ModuleType:
        return mmhuman3d.load(name)[0]

    return load


@pytest.fixture
def import_mmhuman3d_alone(
    import_mmhuman3d: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], ModuleType]]:
    """Import a module of MMHuman3D without its package, other modules of which need old libraries."""
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


@pytest.fixture(scope='session')
def write_smpl() -> Callable[..., Path]:
    """``write_smpl(folder)`` makes a folder as a user of official SMPL has it, of the open body.

    Each gender is 5 % smaller than the one before.
    """

    def write(folder: Path, genders: Sequence[str] = ('NEUTRAL', 'MALE', 'FEMALE')) -> Path:
        arrays = load_body_file(OPEN_BODY)
        folder.mkdir(parents=True)
        dense = ('v_template', 'shapedirs', 'posedirs', 'weights')
        model = {key: arrays[key].astype(np.float64) for key in dense}
        tree = arrays['kintree_table'].astype(np.int64)
        tree[0, 0] = 2**32 - 1  # as in official files
        model |= {
            'J_regressor': sparse.csc_matrix(arrays['J_regressor'].astype(np.float64)),
            'f': arrays['f'].astype(np.uint32),
            'kintree_table': tree.astype(np.uint32),
            'bs_type': 'lrotmin',
            'bs_style': 'lbs',
        }
        for gender in genders:
            (folder / f'SMPL_{gender}.pkl').write_bytes(pickle.dumps(model, protocol=2))
            model['v_template'] = model['v_template'] * 0.95
        for key in ('J_regressor_h36m', 'J_regressor_extra'):
            np.save(folder / f'{key}.npy', arrays[key])
        return folder

    return write


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """Processes that the test starts do not ignore SIGHUP, as those of ``nohup make test`` would."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def small_disk():
    """``with small_disk(n):`` no file may grow beyond ``n`` bytes: to a program, a full disk."""
    resource = pytest.importorskip('resource')

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


@pytest.fixture
def mutate():
    """``mutate(content, seed)`` damages a file at random: bits, bytes, stretches, its length."""

    def damage(content: bytes, seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        changed, kind = bytearray(content), seed % 5
        place = int(rng.integers(len(content)))
        if kind == 0:
            return bytes(changed[:place])
        if kind == 1:
            return bytes(changed[:place] + changed[place + int(rng.integers(1, 64)) :])
        if kind == 2:
            changed[place : place + 64] = bytes(len(changed[place : place + 64]))
        for place in rng.integers(len(content), size=int(rng.integers(1, 20))).tolist():
            changed[place] = int(rng.integers(256)) if kind == 3 else changed[place] ^ 1 << rng.integers(8)
        return bytes(changed)

    return damage


@pytest.fixture
def mmroi_scope():
    init_default_scope('mmroi')


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Torch's cache of files from the net, empty."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    return tmp_path / 'torch/hub/checkpoints'


@pytest.fixture
def resnet():
    """Build a ResNet of few channels; its names are those of the full one."""

    def make(depth=18, **kwargs):
        return MODELS.build(dict(type='mmdet.ResNet', depth=depth, base_channels=4, **kwargs))

    return make


@pytest.fixture
def hrnet_config():
    """Make the config of an HRNet of few channels and blocks."""

    def make(channels=4, stem_channels=8, last_modules=1):
        stages = {
            f'stage{i}': dict(
                num_modules=last_modules if i == 4 else 1,
                num_branches=i,
                block='BASIC',
                num_blocks=(1,) * i,
                num_channels=tuple(channels * 2**b for b in range(i)),
            )
            for i in (2, 3, 4)
        }
        stem = dict(
            num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(stem_channels,)
        )
        return dict(type='mmdet.HRNet', extra=dict(stage1=stem, **stages))

    return make


@pytest.fixture
def hrnet(hrnet_config):
    """Build an HRNet of few channels, but of as many modules in stage 4 as W32 and W48 have."""

    def make(**kwargs):
        return MODELS.build(dict(hrnet_config(last_modules=3), **kwargs))

    return make


@pytest.fixture
def mmpose_file(tmp_path):
    """Write a checkpoint as MMPose 1.x does, with its names and the arrays of its ``meta``."""

    def write(backbone, head=('head.final_layer.weight', 'head.final_layer.bias'), leave_out=()):
        state = {
            f'backbone.{name}': value
            for name, value in backbone.state_dict().items()
            if not name.startswith(tuple(leave_out))
        }
        state |= {name: torch.ones(17) for name in head}
        path = tmp_path / 'td-hm.pth'
        torch.save(
            dict(
                state_dict=state,
                meta=dict(
                    mmengine_version='0.4.0',
                    dataset_meta=dict(
                        dataset_name='coco',
                        sigmas=np.full(17, 0.05, np.float32),
                        keypoint_colors=np.zeros((17, 3), np.uint8),
                        flip_indices=[0, 2, 1],
                        upper_body_ids=[0],
                        keypoint_id2name={0: 'nose'},
                    ),
                ),
            ),
            path,
        )
        return path

    return write


@pytest.fixture(scope='session')
def small_multi_roi(tmp_path_factory):
    """File of a config of Multi-RoI that trains in seconds, from scratch."""
    return write_small_config(tmp_path_factory, 'multi_roi/multi-roi_r18_1xb16-5e_synthetic-96x72.py')


@pytest.fixture(scope='session')
def small_cliff(tmp_path_factory):
    """File of a config of CLIFF that trains in seconds, from scratch."""
    return write_small_config(tmp_path_factory, 'cliff/cliff_r18_1xb64-20e_synthetic-96x72.py')


def write_small_config(tmp_path_factory, base):
    path = tmp_path_factory.mktemp('small') / Path(base).name
    path.write_text(f'_base_ = {str(ROOT / "configs" / base)!r}\ncrop_size = {SMALL_CROP}\n')
    return path


BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')


@pytest.fixture(scope='module')  # it cannot end while a process that was started after it holds its pipes
def launch_chromium():
    """``launch_chromium(*flags)`` starts Chromium, which ends with the tests of a file."""
    if os.environ.get('MMROI_NO_BROWSER') == '1':
        pytest.skip('MMROI_NO_BROWSER=1: no browser is opened')
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(
            'The viewer is tested in Chromium, which is not here: install it (Debian, Ubuntu: '
            'apt-get install chromium) or set MMROI_NO_BROWSER=1 to go without.'
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # --no-sandbox because continuous integration runs as root
        yield lambda *flags: playwright.chromium.launch(
            executable_path=path, args=['--no-sandbox', *flags], timeout=180_000
        )


@pytest.fixture(scope='module')
def browser(launch_chromium):
    """Chromium with WebGL on the processor."""
    browser = launch_chromium('--use-angle=swiftshader', '--enable-unsafe-swiftshader')
    yield browser
    browser.close()


@pytest.fixture(scope='session', name='run_tool')
def _run_tool():
    """``run_tool('test.py', ...)`` runs a tool as a user does; it must succeed unless ``check=False``."""
    return run_tool


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def open_terminal(monkeypatch):
    """Turn standard output and error into a terminal; call it in the test, where pytest has set its own."""

    def open_it():
        stream = Terminal()
        monkeypatch.setenv('TERM', 'xterm')
        monkeypatch.setenv('COLUMNS', '120')
        monkeypatch.setattr(sys, 'stdout', stream)
        monkeypatch.setattr(sys, 'stderr', stream)
        return stream

    return open_it


@pytest.fixture
def is_alive():
    """Whether a process runs; one that nobody has buried does not."""

    def check(pid):
        try:
            os.kill(pid, 0)
            return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
        except OSError:
            return False

    return check


@pytest.fixture
def assert_ends(is_alive):
    """Wait for a process to end; fail, and kill it, if it does not."""

    def check(pid, seconds=30):
        for _ in range(10 * seconds):
            if not is_alive(pid):
                return
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        pytest.fail(f'process {pid} goes on')

    return check
