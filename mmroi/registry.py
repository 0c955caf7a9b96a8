"""Child registries of MMEngine's with the scope ``mmroi``.

``locations`` lets MMEngine import the modules of this project when a config says ``default_scope = 'mmroi'``.
"""
from mmengine import registry as _root
from mmengine.registry import Registry

RUNNERS = Registry('runner', parent=_root.RUNNERS, scope='mmroi', locations=['mmroi.engine'])
LOOPS = Registry('loop', parent=_root.LOOPS, scope='mmroi', locations=['mmroi.engine'])
HOOKS = Registry('hook', parent=_root.HOOKS, scope='mmroi', locations=['mmroi.engine'])
OPTIM_WRAPPERS = Registry('optim_wrapper', parent=_root.OPTIM_WRAPPERS, scope='mmroi',
                          locations=['mmroi.engine'])
DATASETS = Registry('dataset', parent=_root.DATASETS, scope='mmroi', locations=['mmroi.datasets'])
DATA_SAMPLERS = Registry('data sampler', parent=_root.DATA_SAMPLERS, scope='mmroi',
                         locations=['mmroi.datasets'])
TRANSFORMS = Registry('transform', parent=_root.TRANSFORMS, scope='mmroi', locations=['mmroi.datasets'])
MODELS = Registry('model', parent=_root.MODELS, scope='mmroi',
                  locations=['mmroi.body_models', 'mmroi.models'])
TASK_UTILS = Registry('task util', parent=_root.TASK_UTILS, scope='mmroi', locations=['mmroi.models'])
METRICS = Registry('metric', parent=_root.METRICS, scope='mmroi', locations=['mmroi.evaluation'])
VISUALIZERS = Registry('visualizer', parent=_root.VISUALIZERS, scope='mmroi',
                       locations=['mmroi.visualization'])
INFERENCERS = Registry('inferencer', parent=_root.INFERENCERS, scope='mmroi', locations=['mmroi.apis'])
VISBACKENDS = Registry('vis_backend', parent=_root.VISBACKENDS, scope='mmroi', locations=['mmroi.visualization'])
LOG_PROCESSORS = Registry('log_processor', parent=_root.LOG_PROCESSORS, scope='mmroi', locations=['mmroi.engine'])
