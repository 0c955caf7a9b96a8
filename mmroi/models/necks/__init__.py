"""What stands between backbone and pooling: feature maps in, feature maps out."""

from mmroi.models.necks.branch_downsampler import BranchDownsampler
from mmroi.models.necks.hrnet_classification_neck import HRNetClassificationNeck

__all__ = ['BranchDownsampler', 'HRNetClassificationNeck']
