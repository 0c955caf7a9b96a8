"""Derivation of the open body, the default body model in SMPL's format, from MakeHuman's CC0 meshes.

Run by ``tools/dataset_tools/build_open_body.py``. Nothing else in mmroi imports this package: its result is
``assets/open_body.npz``. The modules import without the packages in ``requirements/build_body.txt``; building
needs them.
"""
