"""MMHuman3D's registered backbones and heads as parts of our estimator.

Not imported with ``mmroi.models``: a config that names them says
``custom_imports = dict(imports=['mmroi.models.mmhuman3d'])``.
"""

from mmroi.models.mmhuman3d.backbones import PoseHighResolutionNet
from mmroi.models.mmhuman3d.hybrik_head import HybrIKHead
from mmroi.models.mmhuman3d.regression_heads import CliffHead, HMRHead, PareHead

__all__ = ['CliffHead', 'HMRHead', 'HybrIKHead', 'PareHead', 'PoseHighResolutionNet']
