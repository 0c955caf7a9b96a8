"""Child registries of MMEngine's registries, with the scope ``mmroi``.

``locations`` lets MMEngine import our modules when a config has ``default_scope = 'mmroi'``. Registries
without modules of ours are here too, because MMEngine warns in every run if they are missing.
"""

from mmengine import registry as _root
from mmengine.registry import Registry


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='mmroi', locations=[f'mmroi.{n}' for n in locations])


RUNNERS = _child(_root.RUNNERS, 'engine')
LOOPS = _child(_root.LOOPS, 'engine')
HOOKS = _child(_root.HOOKS, 'engine')
LOG_PROCESSORS = _child(_root.LOG_PROCESSORS, 'engine')
OPTIMIZERS = _child(_root.OPTIMIZERS, 'engine')
OPTIM_WRAPPERS = _child(_root.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(_root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child(_root.PARAM_SCHEDULERS, 'engine')
DATASETS = _child(_root.DATASETS, 'datasets')
DATA_SAMPLERS = _child(_root.DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child(_root.TRANSFORMS, 'datasets')
CONVERTERS = Registry('converter', scope='mmroi', locations=['mmroi.datasets.converters'])
MODELS = _child(_root.MODELS, 'body_models', 'models')
MODEL_WRAPPERS = _child(_root.MODEL_WRAPPERS, 'models')
WEIGHT_INITIALIZERS = _child(_root.WEIGHT_INITIALIZERS, 'models')
TASK_UTILS = _child(_root.TASK_UTILS, 'models')
METRICS = _child(_root.METRICS, 'evaluation')
EVALUATOR = _child(_root.EVALUATOR, 'evaluation')
VISUALIZERS = _child(_root.VISUALIZERS, 'visualization')
VISBACKENDS = _child(_root.VISBACKENDS, 'visualization')
INFERENCERS = _child(_root.INFERENCERS, 'apis')
