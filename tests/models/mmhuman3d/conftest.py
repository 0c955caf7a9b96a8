"""The adapters are imported by the configs that name them, and by these tests."""

import mmroi.models.mmhuman3d  # noqa: F401
