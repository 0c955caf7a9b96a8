"""Checkpoints that know the body that their network was trained for."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmroi.engine.body_record import KEY, body_record, warn_of_other_body
from mmroi.engine.compilation import innermost
from mmroi.registry import HOOKS


@HOOKS.register_module()
class BodyRecordHook(Hook):
    """Write the body of the network to each checkpoint, and warn if a loaded one is of another body."""

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the record to ``meta``."""
        if record := body_record(_body(runner)):
            checkpoint['meta'][KEY] = record

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the record with the body of the run."""
        warn_of_other_body(checkpoint.get('meta'), _body(runner), str(runner._load_from or 'the checkpoint'))


def _body(runner: Runner) -> Any:
    return getattr(innermost(runner.model), 'body_model', None)
