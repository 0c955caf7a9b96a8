"""Settings of the C library's allocator."""

import ctypes
import sys

# https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Let glibc keep memory that tensors free, instead of giving it back to the kernel after each operation.

    On a CPU a network allocates and frees megabytes in every layer; getting them as fresh pages each time
    takes up to a fifth of a training on cached features, and half of the time of an encoder with a large
    batch (docs/speed.md). The process holds up to a third more memory at its peak. A no-op without glibc.

    Returns:
        Whether the allocator has taken the settings.
    """
    if not sys.platform.startswith('linux'):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1, _M_TOP_PAD: 2**26}
    return mallopt is not None and all([mallopt(*setting) for setting in settings.items()])
