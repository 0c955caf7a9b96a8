"""A runner that leaves the console to the result."""

import logging
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner


class QuietRunner(Runner):
    """A runner whose console shows warnings alone; the log file has everything.

    MMEngine logs the environment, the whole config and the hooks before a test, hundreds of lines.
    """

    def build_logger(
        self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any
    ) -> MMLogger:
        """Build the logger, and raise the level of its handler for the console."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.setLevel(max(handler.level, logging.WARNING))
        return logger
