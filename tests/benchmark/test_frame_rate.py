"""People per second of the networks of a table."""

import json

import pytest

from mmroi.benchmark import frame_rate, profiles, runs, suites


@pytest.mark.parametrize(
    'content', [b'', b'{"fps": 3', b'{}', b'[]', b'\xff', b'{"fps": {"a": "x"}, "device": ""}']
)
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / 'speed.json'
    assert frame_rate.read_frame_rates(path, [], None) is None
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'speed.json is damaged \(.*; remove it to measure again'):
        frame_rate.read_frame_rates(path, [], None)


def test_rows_of_a_table_are_measured_in_the_same_turns(tmp_path, monkeypatch):
    """A row that was measured alone, with another load of the machine, would not be comparable."""
    taken = []

    def take_turns(steps, device, seconds, rounds):
        taken.append(set(steps))
        return {name: [[0.25], [0.5], [0.5 * len(taken)]] for name in steps}

    monkeypatch.setattr(frame_rate, 'take_turns', take_turns)
    monkeypatch.setattr(frame_rate, '_step', lambda run, profile, device: lambda: None)
    done = {'m1', 'm2'}
    monkeypatch.setattr(runs.Run, 'is_done', property(lambda run: run.row.name in done))
    suite, path = suites.load_suite('table4').select(['m1', 'm2', 'm3']), tmp_path / 'speed.json'
    planned = runs.plan(suite.tested_rows, [0, 1], tmp_path)

    profile = profiles.load_profile('cpu')

    def measure():
        frame_rate.measure_frame_rates(planned, profile, path)
        return frame_rate.read_frame_rates(path, planned, profile)

    first = measure()
    assert dict(first.fps) == dict(m1=2.0, m2=2.0)  # the median turn takes 0.5 s
    assert measure() == first
    done.add('m3')
    assert set(measure().fps) == {'m1', 'm2', 'm3'} == set(json.loads(path.read_text())['fps'])
    assert taken == [{'m1', 'm2'}, {'m1', 'm2', 'm3'}]
    # The speed of another network, or of other crops, is not theirs.
    profile.overrides['model.head.num_iterations'] = 4
    assert not frame_rate.read_frame_rates(path, planned, profile).fps
    assert set(measure().fps) == {'m1', 'm2', 'm3'} and len(taken) == 3
