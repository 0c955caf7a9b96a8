"""Whose files may be believed, and where a user's own lie."""

import os
import stat
from pathlib import Path


def is_own(path: Path, original: Path) -> bool:
    """Return whether only those who could change the original can have written what was derived from it.

    Args:
        path: File or folder of derived data, such as a cache.
        original: What it was derived from.

    Returns:
        True if ``path`` belongs to this user, to root or to the owner of the original, and not everyone may
        write to it. False also if it does not exist, or is a link.
    """
    try:
        found, owner = path.lstat(), original.stat().st_uid
    except OSError:
        return False
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return False
    user = os.geteuid() if hasattr(os, 'geteuid') else owner
    return found.st_uid in (0, user, owner) and not found.st_mode & stat.S_IWOTH


def user_cache() -> Path:
    """Return the folder of this user's caches of this project, which need not exist yet."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmroi'
