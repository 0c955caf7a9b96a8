"""Parts of ``build_open_body.py``: an open body in SMPL's format from MakeHuman's CC0 meshes."""
