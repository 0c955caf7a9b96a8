"""Backbones, encoders, necks, fusions, heads, losses, and the estimator that combines them."""

from mmroi.models.backbones import *  # noqa: F403
from mmroi.models.data_preprocessors import *  # noqa: F403
from mmroi.models.encoders import *  # noqa: F403
from mmroi.models.estimators import *  # noqa: F403
from mmroi.models.fusions import *  # noqa: F403
from mmroi.models.heads import *  # noqa: F403
from mmroi.models.losses import *  # noqa: F403
from mmroi.models.necks import *  # noqa: F403
from mmroi.models.pretrained_init import *  # noqa: F403
from mmroi.models.refined_model import *  # noqa: F403
from mmroi.models.refiners import *  # noqa: F403
from mmroi.models.tta import *  # noqa: F403
