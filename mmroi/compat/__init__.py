"""Workarounds for the age of other libraries.

One file each, with the upstream issue and the condition for its removal.

The modules are imported one by one where they are needed, so that ``import mmroi`` does not import torch:

* :mod:`mmroi.compat.mmcv_ext` – MMDetection beside mmcv-lite; installed by ``import mmroi``.
* :mod:`mmroi.compat.safe_globals` – loading of MMEngine's checkpoints; installed by ``import mmroi.engine``.
* :mod:`mmroi.compat.cpu_dist` – distributed runs on CPU; used by the tools.
* :mod:`mmroi.compat.mmhuman3d` – MMHuman3D beside mmcv 2.x; used by ``mmroi.models.mmhuman3d``.
"""
