"""Distributed runs on machines without a GPU.

MMEngine's ``init_dist`` calls ``torch.cuda.set_device`` whatever the backend, and its default model wrapper
is given CUDA device ids, so ``torchrun`` fails on a CPU. Starting gloo before the ``Runner`` makes MMEngine
skip the first, and an explicit ``model_wrapper_cfg`` avoids the second.

Upstream: https://github.com/open-mmlab/mmengine/blob/v0.10.7/mmengine/dist/utils.py (``_init_dist_pytorch``);
the same was mended for MMDetection 2 in https://github.com/openvinotoolkit/mmdetection/pull/77
Remove when: ``Runner`` with ``launcher='pytorch'`` and ``dist_cfg=dict(backend='gloo')`` trains on a CPU.
"""

import torch
from mmengine.config import Config
from mmengine.device import get_device


def setup(cfg: Config, launcher: str) -> None:
    """Prepare a distributed run on CPU; do nothing for one process, or where there is an accelerator.

    Args:
        cfg: Config of the run; ``env_cfg.dist_cfg`` and ``model_wrapper_cfg`` are changed.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.

    Raises:
        RuntimeError: If the launcher is one that needs accelerators.
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
