"""A check that the numbers at the top of a config have reached the rest of it."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmroi.engine.pipelines import check_expanded, read_crops
from mmroi.registry import HOOKS


@HOOKS.register_module()
class ConfigCheckHook(Hook):
    """Refuse a config whose top-level numbers, such as ``num_rois``, nothing has expanded.

    The tools and ``init_model`` load configs with :func:`mmroi.engine.pipelines.load_config`, which writes
    these numbers to the pipelines, the model and the schedule. A script that calls ``Config.fromfile``
    instead would silently run with other crops or another schedule.
    """

    def before_run(self, runner: Runner) -> None:
        """Compare the numbers with the rest of the config, and warn of boxes without a margin.

        Raises:
            ValueError: They differ; names the remedy.
        """
        check_expanded(runner.cfg)
        try:
            fault = read_crops(runner.cfg).margin_fault
        except ValueError:  # no crops, or of several kinds
            return
        if fault:
            runner.logger.warning(f'Inference and export will refuse this config: {fault}')
