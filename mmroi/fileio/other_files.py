"""Recognize files that took the place of another: pages of a web server, and pointers of Git LFS."""

import re

START = 512  # bytes that tell
_LFS = b'version https://git-lfs.github.com/spec/'
_HTML = re.compile(
    rb'\s*(\xef\xbb\xbf)?\s*(<!doctype\s+html|<html|<head|<\?xml[^>]*>\s*<html)', re.IGNORECASE
)


def name_other_file(start: bytes) -> str | None:
    """Say what a file is that is not what its name promises.

    Args:
        start: The first ``START`` bytes of the file, or more.

    Returns:
        What it is and the remedy, to follow its name in a sentence; None if it is neither.
    """
    if start.startswith(_LFS):
        return 'is a pointer of Git LFS, not the file itself; get the file with git lfs pull'
    if _HTML.match(start[:START]):
        return (
            'is a web page (HTML), not the file: a server sent it instead, perhaps to log in or to confirm; '
            'download the file itself in a browser'
        )
    return None
