import json
import sys

import pytest

from mmroi.benchmark.speed import command_line
from mmroi.cli import speed_arguments


def parse(monkeypatch, *arguments):
    parser = speed_arguments.make_parser('text')
    speed_arguments.add_timing_arguments(parser)
    speed_arguments.add_device_arguments(parser)
    speed_arguments.add_clock_argument(parser)
    monkeypatch.setattr(sys, 'argv', ['tool', 'config.py', *arguments])
    return speed_arguments.parse(parser)


def test_numbers_must_be_positive(monkeypatch, capsys):
    assert parse(monkeypatch, '--seconds', '0').seconds == 0
    with pytest.raises(SystemExit):
        parse(monkeypatch, '--rounds', '0')
    assert '--rounds must be at least 1, not 0' in capsys.readouterr().err


def test_cpu_time_is_that_of_one_thread(monkeypatch, capsys):
    threads = []
    monkeypatch.setattr(command_line.torch, 'set_num_threads', threads.append)
    args = parse(monkeypatch, '--cpu-time', '--device', 'cpu')
    assert command_line.use_device(args).type == 'cpu' and threads == [1]
    with pytest.raises(SystemExit):
        parse(monkeypatch, '--cpu-time', '--device', 'cuda')
    assert '--cpu-time needs --device cpu, not cuda' in capsys.readouterr().err


def test_table(capsys):
    rows = [dict(what='a', speed=1234.5, rois=1), dict(what='bcde', speed=0.12345, rois=12)]
    command_line.print_table([*rows, dict(what='none', speed=None, rois=3)])
    assert capsys.readouterr().out.splitlines() == [
        '| what | speed | rois |',
        '| ---- | ----: | ---: |',
        '| a    |  1234 |    1 |',
        '| bcde | 0.123 |   12 |',
        '| none |     – |    3 |',
    ]


def test_json(tmp_path):
    command_line.write_json(None, a=1)
    command_line.write_json(tmp_path / 'a.json', a=[1, 2], path=tmp_path)
    assert json.loads((tmp_path / 'a.json').read_text()) == dict(a=[1, 2], path=str(tmp_path))
