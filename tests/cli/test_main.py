"""The command ``mmroi``: names of commands, the help text, and what a tool sees of the command line."""

import os
import subprocess
import sys

import pytest

from mmroi.cli.main import main
from mmroi.cli.tools import find_tools
from mmroi.utils import installation
from mmroi.version import __version__

ROOT = installation.PACKAGE.parent


def test_every_tool_is_a_command_and_the_main_ones_come_first(capsys):
    tools = find_tools()
    assert {tool.path for tool in tools.values()} == set((ROOT / 'tools').rglob('*.py'))
    assert list(tools)[:5] == ['demo', 'info', 'train', 'test', 'convert']
    main(['--help'])
    text = capsys.readouterr().out
    assert all(f'\n  {name} ' in text for name in tools)
    assert max(map(len, text.splitlines())) <= 110


def test_a_tool_runs_as_a_script(tmp_path, monkeypatch, capsys):
    script = tmp_path / 'tools' / 'analysis_tools' / 'say_hello.py'
    script.parent.mkdir(parents=True)
    script.write_text(
        '"""Say hello."""\nimport argparse, pathlib, sys\n'
        'parser = argparse.ArgumentParser(); parser.add_argument("name")\n'
        'class Greeting: pass\n'
        'if __name__ == "__main__":\n'
        '    assert sys.modules["__main__"].Greeting is Greeting  # so that pickle finds it\n'
        '    print(parser.prog, parser.parse_args().name, pathlib.Path(__file__).name)\n'
        '    sys.exit(3)\n'
    )
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path,))
    monkeypatch.setitem(sys.modules, '__main__', sys.modules['__main__'])
    monkeypatch.setattr(sys, 'argv', ['mmroi'])
    for word in ('say-hello', 'say_hello'):
        with pytest.raises(SystemExit) as ended:
            main([word, 'Ann'])
        assert ended.value.code == 3
        assert capsys.readouterr().out == 'mmroi say-hello Ann say_hello.py\n'


def test_an_unknown_command_suggests_a_known_one(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['trian'])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "mmroi: there is no command 'trian'; did you mean 'train'?\n"
    main(['--version'])
    assert capsys.readouterr().out == f'mmroi {__version__}\n'


@pytest.mark.parametrize(
    ('line', 'answers'),
    [
        ('mmroi tr', ['train']),
        ('mmroi export --opse', ['--opset']),
        ('mmroi demo --save an', ['anim']),
        ('mmroi nothing --s', []),
    ],
)
def test_completion_in_the_shell(line, answers, tmp_path):
    pytest.importorskip('argcomplete')
    environment = dict(os.environ, PYTHONPATH=str(ROOT), COMP_LINE=line, COMP_POINT=str(len(line)))
    environment.update(
        _ARGCOMPLETE='1', _ARGCOMPLETE_STDOUT_FILENAME=str(tmp_path / 'answers'), COMP_TYPE='9'
    )
    subprocess.run([sys.executable, '-m', 'mmroi'], env=environment, check=True, capture_output=True)
    found = tmp_path / 'answers'
    text = found.read_text() if found.is_file() else ''
    assert [word.strip() for word in text.split('\x0b') if word] == answers
