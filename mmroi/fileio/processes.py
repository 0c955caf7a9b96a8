"""Worker processes that do not outlive their parent."""

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """End this worker process with its parent. If the parent is killed, the worker would wait forever."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
