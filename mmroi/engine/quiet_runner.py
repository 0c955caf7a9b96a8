"""A runner that leaves the console to progress and results."""

import logging
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner


class QuietRunner(Runner):
    """A runner whose console shows the progress of a training, and of a test warnings alone.

    MMEngine logs the environment, the whole config, the hooks, and for some optimizers each parameter before
    the first step, hundreds of lines. All of it is in the log file.
    """

    def build_logger(
        self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any
    ) -> MMLogger:
        """Build the logger, and raise the level of its handler for the console."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        consoles = [handler for handler in logger.handlers if not isinstance(handler, logging.FileHandler)]
        self._console_levels = [(handler, handler.level) for handler in consoles]
        for handler in consoles:
            handler.setLevel(max(handler.level, logging.WARNING))
            handler.addFilter(_is_no_name)
        return logger

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; from the first step of a training on, the console shows what they log."""
        if fn_name == 'before_train':
            for handler, level in self._console_levels:
                handler.setLevel(level)
        super().call_hook(fn_name, **kwargs)


def _is_no_name(record: logging.LogRecord) -> bool:
    """Whether a message is not the name of the experiment, which ``LoggerHook`` repeats after each epoch."""
    return not record.getMessage().startswith('Exp name: ')
