"""Workarounds for other libraries, one module each, with the upstream issue and the condition for removal.

The modules are imported individually where they are needed, so ``import mmroi`` does not import torch:

* :mod:`mmroi.compat.mmcv_ext` – MMDetection beside mmcv-lite; installed by ``import mmroi``.
* :mod:`mmroi.compat.mmengine_scope` – ``mmroi::`` in MMEngine; installed by ``import mmroi``.
* :mod:`mmroi.compat.opencv` – says what to install where OpenCV lacks a library; called by ``import mmroi``.
* :mod:`mmroi.compat.file_client` – MMEngine's warnings about itself; installed by ``import mmroi.engine``.
* :mod:`mmroi.compat.cpu_dist` – distributed runs on CPUs; used by the tools.
* :mod:`mmroi.compat.mmhuman3d` – MMHuman3D beside mmcv 2.x; used by ``mmroi.models.mmhuman3d``.
"""
