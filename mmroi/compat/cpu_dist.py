"""Distributed runs on machines without a GPU.

MMEngine's ``init_dist`` calls ``torch.cuda.set_device`` with any backend, and its default model wrapper gets
CUDA device ids, so ``torchrun`` fails on a CPU. MMEngine skips the former if gloo is already initialized, and
an explicit ``model_wrapper_cfg`` avoids the latter.

Upstream: https://github.com/open-mmlab/mmengine/blob/v0.10.7/mmengine/dist/utils.py (``_init_dist_pytorch``);
fixed for MMDetection 2 in https://github.com/openvinotoolkit/mmdetection/pull/77
Remove when: ``Runner`` with ``launcher='pytorch'`` and ``dist_cfg=dict(backend='gloo')`` trains on a CPU.
"""

import torch
from mmengine.config import Config
from mmengine.device import get_device


def setup(cfg: Config, launcher: str) -> None:
    """Prepare a distributed run on CPUs; a no-op for a single process or if there is an accelerator.

    Args:
        cfg: Config of the run; ``env_cfg.dist_cfg`` and ``model_wrapper_cfg`` are modified.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        RuntimeError: If the launcher needs an accelerator and there is none.
    """
    if launcher == 'none' or get_device() != 'cpu':
        return
    if launcher != 'pytorch':
        raise RuntimeError(
            f'no accelerator found: --launcher {launcher} needs one. On CPUs use torchrun '
            'with --launcher pytorch (tools/dist_train.sh, tools/dist_test.sh)'
        )
    cfg.setdefault('env_cfg', {})['dist_cfg'] = dict(backend='gloo')
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel', find_unused_parameters=cfg.get('find_unused_parameters', False)
        ),
    )
    cfg.model_wrapper_cfg.update(device_ids=None, broadcast_buffers=False)
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
