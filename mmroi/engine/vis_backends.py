"""Where a training shows its curves and pictures, beside its own files: ``--vis``."""

from collections.abc import Sequence
from importlib.util import find_spec

from mmengine.config import Config

from mmroi.utils.errors import UserError

# name: backend of MMEngine, module that it needs
BACKENDS = dict(
    tensorboard=('TensorboardVisBackend', 'tensorboard'),
    wandb=('WandbVisBackend', 'wandb'),
    mlflow=('MLflowVisBackend', 'mlflow'),
    clearml=('ClearMLVisBackend', 'clearml'),
)


def add_vis_backends(cfg: Config, names: Sequence[str]) -> None:
    """Add backends to those of a config's visualizer.

    Args:
        cfg: Config of a run; changed.
        names: Of ``BACKENDS``; one that the config has already stays as it is.

    Raises:
        UserError: The package of a backend is not installed.
    """
    if missing := [BACKENDS[name][1] for name in names if find_spec(BACKENDS[name][1]) is None]:
        raise UserError(f'--vis {" ".join(names)} needs a package more: pip install {" ".join(missing)}')
    if not names:
        return
    cfg.visualizer = cfg.get('visualizer') or dict(type='MeshVisualizer')
    backends = list(cfg.visualizer.get('vis_backends') or [dict(type='LocalVisBackend')])
    for name in dict.fromkeys(names):
        if all(backend['type'] != BACKENDS[name][0] for backend in backends):
            backends.append(dict(type=BACKENDS[name][0]))
    cfg.visualizer.vis_backends = backends
