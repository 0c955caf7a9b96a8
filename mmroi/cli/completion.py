"""Completion of commands and options in the shell, by argcomplete (an optional dependency).

``eval "$(register-python-argcomplete mmroi)"`` makes the shell call ``mmroi`` with the line so far in
environment variables; the answers go to a file descriptor of its own.
"""

import argparse
import os
import sys
from collections.abc import Mapping

from mmroi.cli.tools import Tool


def complete(tools: Mapping[str, Tool]) -> None:
    """Answer the shell, and end the process; return at once if no shell asks.

    Args:
        tools: The commands.
    """
    if '_ARGCOMPLETE' not in os.environ:
        return
    import argcomplete

    line, point = os.environ['COMP_LINE'], int(os.environ['COMP_POINT'])
    words = line[:point].split()
    if len(words) > 2 or (len(words) == 2 and line[:point].endswith(' ')):
        tool = tools.get(words[1].replace('_', '-'))
        if tool is None:
            sys.exit()
        os.environ['_ARGCOMPLETE'] = '2'  # the words of the line before the tool's own
        argparse.ArgumentParser.parse_args = _answer  # type: ignore[assignment, method-assign]
        tool.run([])
    parser = argparse.ArgumentParser(prog='mmroi')
    parser.add_argument('command', choices=tools)
    argcomplete.autocomplete(parser)


def _answer(parser: argparse.ArgumentParser, *_: object, **__: object) -> argparse.Namespace:
    """Take the place of ``parse_args`` of a tool, whose parser then is complete."""
    import argcomplete

    argcomplete.autocomplete(parser)
    raise SystemExit
