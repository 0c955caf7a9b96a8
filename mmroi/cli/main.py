"""``mmroi COMMAND ...`` runs a tool of this project as ``python tools/COMMAND.py ...`` does."""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby

from mmroi.cli.completion import complete
from mmroi.cli.tools import Tool, find_tools
from mmroi.version import __version__


def main(words: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        words: Its arguments (default: those of the process).

    Raises:
        SystemExit: With the status of the tool; 2 for an unknown command.
    """
    name, *rest = (sys.argv[1:] if words is None else words) or ['--help']
    tools = find_tools()
    complete(tools)
    if name in ('-h', '--help', 'help'):
        print(describe(tools))
    elif name in ('-V', '--version'):
        print(f'mmroi {__version__}')
    elif tool := tools.get(name.replace('_', '-')):
        tool.run(rest)
    else:
        near = difflib.get_close_matches(name, tools, 1)
        hint = f'did you mean {near[0]!r}?' if near else "'mmroi --help' lists all"
        print(f'mmroi: there is no command {name!r}; {hint}', file=sys.stderr)
        sys.exit(2)


def describe(tools: Mapping[str, Tool]) -> str:
    """Return the help text: all commands, by group."""
    indent = max(map(len, tools), default=0) + 4
    columns = max(min(shutil.get_terminal_size().columns, 110), indent + 40)
    lines = ['usage: mmroi COMMAND ...', '', 'Multi-RoI human mesh recovery from images and videos.']
    for title, members in groupby(tools.values(), lambda tool: tool.group):
        lines += ['', f'{title}:']
        for tool in members:
            text = textwrap.fill(
                tool.summary(), columns, initial_indent=' ' * indent, subsequent_indent=' ' * indent
            )
            lines.append(f'  {tool.name:{indent - 2}}{text[indent:]}')
    lines += ['', "'mmroi COMMAND --help' describes a command, 'mmroi --version' prints the version."]
    return '\n'.join(lines)
