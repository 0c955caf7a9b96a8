import argparse
import re

import pytest

from mmroi.apis.inference.results import REMEDIES
from mmroi.cli.people_arguments import add_people_arguments, add_run_arguments


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_people_arguments(parser)
    add_run_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['boxes.json'], 'boxes.json'),
        (['-5', '0', '30', '60.5'], [[-5, 0, 30, 60.5]]),
        (list('12345678'), [[1, 2, 3, 4], [5, 6, 7, 8]]),
    ],
)
def test_boxes_are_a_file_or_numbers(words, expected):
    assert parse('--bboxes', *words).bboxes == expected
    assert parse().bboxes is None


@pytest.mark.parametrize('words', [['1', '2', '3'], ['1', '2', '3', 'x'], ['a.json', 'b.json']])
def test_boxes_that_are_neither(words, capsys):
    with pytest.raises(SystemExit) as ended:
        parse('--bboxes', *words)
    assert ended.value.code == 2
    assert '--bboxes: expected one file, or four numbers x1 y1 x2 y2' in capsys.readouterr().err


def test_boxes_exclude_the_whole_image(capsys):
    with pytest.raises(SystemExit) as ended:
        parse('--bboxes', 'boxes.json', '--whole-image')
    assert ended.value.code == 2
    assert 'not allowed with argument --bboxes' in capsys.readouterr().err


def test_defaults_and_kinds(capsys):
    args = parse('--save', 'json', 'glb')
    assert args.save == ['json', 'glb'] and (args.viewer_frames, args.batch_size) == (None, 16)
    assert args.det_model is args.det_weights is args.det_score is args.det_size is None  # the detector's own
    with pytest.raises(SystemExit):
        parse('--save', 'gif')
    assert "invalid choice: 'gif'" in capsys.readouterr().err


def test_remedies_against_missed_people_are_options():
    parser = argparse.ArgumentParser()
    add_people_arguments(parser)
    assert set(re.findall('--[a-z-]+', REMEDIES)) <= parser._option_string_actions.keys()
