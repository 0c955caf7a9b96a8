"""Steps with time limits, in real processes: Python runs a few lines instead of the tool."""

import json

import pytest

from mmroi.benchmark import steps
from mmroi.benchmark.steps import Command, Step, read_record, run_steps, select

WRITE = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[2])
figures = dict(number=int(sys.argv[3]), before=len(list(folder.iterdir())))
(folder / 'figures.json').write_text(json.dumps(figures))
"""
FAIL = "print('first', flush=True); raise SystemExit('no such thing')"
SLEEP = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print(child.pid, flush=True)
time.sleep(60)
"""


def step(name, code, *arguments):
    return Step(name, (Command('train.py', arguments, ('-c', code)),))


@pytest.fixture
def run(tmp_path):
    """Run steps, and return what is reported and the failures."""

    def call(*chosen, limit=30.0):
        said = []
        failures = run_steps(chosen, tmp_path / 'work', limit, said.append)
        return said, failures

    return call


def test_a_step_runs_once_until_its_commands_or_the_code_change(run, tmp_path, monkeypatch):
    first = step('one', WRITE, '{out}', '1')
    for _ in range(2):
        said, failures = run(first)
        assert not failures
    assert said == ['one: done before']
    assert read_record(first, tmp_path / 'work')['figures'] == dict(number=1, before=0)

    other = step('one', WRITE, '{out}', '2')
    assert read_record(other, tmp_path / 'work') is None
    assert run(other)[0] != ['one: done before']
    assert read_record(other, tmp_path / 'work')['figures'] == dict(number=2, before=0)

    monkeypatch.setattr(steps, 'code_hash', lambda: 'of other code')
    assert read_record(other, tmp_path / 'work') is None


@pytest.mark.parametrize('content', ['', '[]', '{"commands": ', '{"commands": []}', 'null'])
def test_a_damaged_record_counts_as_none(run, tmp_path, content):
    first = step('one', WRITE, '{out}', '1')
    run(first)
    (tmp_path / 'work' / 'one.json').write_text(content)
    assert run(first)[0] != ['one: done before']
    assert read_record(first, tmp_path / 'work')['figures']['number'] == 1


def test_failing_steps_do_not_stop_the_others(run, tmp_path):
    chosen = step('bad', FAIL), step('good', WRITE, '{out}', '3'), step('silent', 'pass')
    said, failures = run(*chosen)
    assert [text.split(':')[0] for text in said] == ['bad', 'good', 'silent']
    assert set(failures) == {'bad', 'silent'}
    assert 'train.py: no such thing' in failures['bad'] and 'bad.log' in failures['bad']
    assert 'figures.json' in failures['silent']
    assert json.loads((tmp_path / 'work' / 'good.json').read_text())['figures']['number'] == 3
    assert not (tmp_path / 'work' / 'bad.json').exists()


def test_the_second_command_does_not_run_after_a_failure(run, tmp_path):
    bad, good = step('bad', FAIL), step('good', WRITE, '{out}', '3')
    run(Step('both', bad.commands + good.commands))
    assert not (tmp_path / 'work' / 'both' / 'figures.json').exists()


def test_a_step_that_takes_too_long_ends_with_its_children(run, tmp_path, assert_ends):
    _, failures = run(step('slow', SLEEP), limit=1.0)
    assert 'took more than 1 s' in failures['slow']
    child = int((tmp_path / 'work' / 'slow.log').read_text())
    assert_ends(child, 20)  # it is told to end, and then needs a core


def test_select():
    chosen = [step('memory-a', ''), step('memory-b', ''), step('speed', '')]
    assert select(chosen, None) == chosen
    assert select(chosen, ['speed', 'memory']) == chosen
    assert select(chosen, ['memory-b']) == chosen[1:2]
    with pytest.raises(ValueError, match="--steps knows memory-a, memory-b, speed; got 'sped'"):
        select(chosen, ['memory', 'sped'])
