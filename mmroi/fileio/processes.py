"""Worker processes that do not outlive their main process."""

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """End this worker process when its main process is gone; killed, it would leave it waiting for ever."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
