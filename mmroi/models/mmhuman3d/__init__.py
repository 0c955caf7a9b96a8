"""MMHuman3D's backbones and heads as parts of ``MeshEstimator``.

Not imported with ``mmroi.models``: configs that use them need
``custom_imports = dict(imports=['mmroi.models.mmhuman3d'])``.
"""

from mmroi.models.mmhuman3d.backbones import PoseHighResolutionNet
from mmroi.models.mmhuman3d.hybrik_head import HybrIKHead
from mmroi.models.mmhuman3d.regression_heads import CliffHead, HMRHead, PareHead

__all__ = ['CliffHead', 'HMRHead', 'HybrIKHead', 'PareHead', 'PoseHighResolutionNet']
