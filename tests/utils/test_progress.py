import io
import logging
import sys

import pytest

from mmroi.utils import ProgressBar, track


def test_track_yields_the_items_and_counts_them(open_terminal):
    terminal = open_terminal()
    assert list(track([3, 1, 2], description='images')) == [3, 1, 2]
    assert 'images' in terminal.getvalue()
    assert '3/3' in terminal.getvalue()


def test_the_total_of_a_generator_can_be_given(open_terminal):
    terminal = open_terminal()
    assert list(track((i for i in range(3)), total=3)) == [0, 1, 2]
    assert '3/3' in terminal.getvalue()


def test_nothing_is_drawn_outside_a_terminal_unless_asked_for(capsys):
    assert list(track(range(3))) == [0, 1, 2]
    assert capsys.readouterr() == ('', '')
    assert list(track(range(3), disable=False)) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == ''
    assert '3/3' in err


def test_disable_draws_nothing_on_a_terminal(open_terminal):
    terminal = open_terminal()
    list(track(range(3), disable=True))
    assert terminal.getvalue() == ''


def test_completed_steps_count_and_the_status_is_shown_as_it_is(open_terminal):
    terminal = open_terminal()
    with ProgressBar(10, 'train', completed=4) as bar:
        bar.advance(2, status='[red]loss 0.5')
        bar.advance()
    assert '7/10' in terminal.getvalue()
    assert '[red]loss 0.5' in terminal.getvalue()


def test_bars_can_be_nested_and_transient(open_terminal):
    terminal = open_terminal()
    with ProgressBar(2, 'train') as outer:
        outer.advance()
        with ProgressBar(3, 'val', transient=True) as inner:
            inner.advance(3)
        outer.advance()
    last = terminal.getvalue().rpartition('train')[2]
    assert '2/2' in last
    assert 'val' not in last


def test_messages_of_loggers_are_printed_whole_and_streams_are_given_back(open_terminal):
    terminal = open_terminal()
    logger = logging.Logger('test')
    handler = logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    with ProgressBar(2, 'train', loggers=[logger]) as bar:
        assert handler.stream is not terminal
        logger.warning('a message')
        bar.advance()
    assert handler.stream is sys.stderr is terminal
    assert 'a message\n' in terminal.getvalue()


def test_output_that_goes_to_a_file_stays_there(open_terminal, monkeypatch):
    terminal = open_terminal()
    file = io.StringIO()
    monkeypatch.setattr(sys, 'stdout', file)
    with ProgressBar(1, 'images') as bar:
        print('a result')
        bar.advance()
    assert file.getvalue() == 'a result\n'
    assert 'a result' not in terminal.getvalue()


def test_the_bar_stops_where_the_loop_fails(open_terminal):
    terminal = open_terminal()
    with pytest.raises(ZeroDivisionError), ProgressBar(2):
        raise ZeroDivisionError
    assert sys.stderr is terminal
    list(track(range(3)))
    assert '3/3' in terminal.getvalue()
