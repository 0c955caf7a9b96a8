"""The tools of this project by name."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from mmroi.utils import installation

# What most people need, in the order of the help text, with the files of those that have a shorter name.
_MAIN = {
    'demo': 'demo',
    'info': 'info',
    'train': 'train',
    'test': 'test',
    'convert': 'convert',
    'browse': 'browse_dataset',
    'benchmark': 'benchmark',
    'export': 'export_onnx',
}
_GROUPS = {
    '': 'commands',
    'dataset_tools': 'datasets',
    'analysis_tools': 'analysis and speed',
    'model_converters': 'checkpoints',
    'deployment': 'deployment',
}


@dataclass(frozen=True)
class Tool:
    """A Python file below ``tools``.

    Attributes:
        name: The word that selects it, with hyphens.
        group: Heading in the help text.
        path: The file.
    """

    name: str
    group: str
    path: Path

    def summary(self) -> str:
        """Return the first sentence of the file's docstring, without its example."""
        text = ast.get_docstring(ast.parse(self.path.read_text(encoding='utf-8'))) or ''
        return text.split('\n')[0].split(': ``')[0].replace('`', '').rstrip('.:')

    def run(self, words: list[str]) -> None:
        """Run the file as Python runs a script, with this process's standard streams.

        Args:
            words: Its arguments.
        """
        sys.argv = [f'mmroi {self.name}', *words]  # argparse takes the first word as the name of the program
        module = ModuleType('__main__')
        module.__file__ = str(self.path)
        sys.modules['__main__'] = module  # where worker processes look for what the script defines
        exec(compile(self.path.read_bytes(), self.path, 'exec'), vars(module))


def find_tools() -> dict[str, Tool]:
    """List the tools of this copy of the project.

    Returns:
        By name, in the order of the help text.
    """
    root = next((root / 'tools' for root in installation.ROOTS if (root / 'tools').is_dir()), None)
    if root is None:
        return {}
    paths = {path.stem: path for path in sorted(root.rglob('*.py'))}
    tools = [Tool(name, _GROUPS[''], paths.pop(stem)) for name, stem in _MAIN.items() if stem in paths]
    for folder, title in _GROUPS.items():
        for stem, path in paths.items():
            if path.parent == root / folder:
                tools.append(Tool(stem.replace('_', '-'), title, path))
    return {tool.name: tool for tool in tools}
