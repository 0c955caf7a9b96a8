import json

import numpy as np
import pytest

from mmroi.engine.training_log import last_epoch_mean, read_curves, training_minutes, validation_curve


@pytest.fixture
def log(tmp_path):
    """``log(run, *lines)`` writes the log of a run, and gives the folder of all."""

    def write(run, *lines):
        path = tmp_path / run / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(json.dumps(line) for line in lines))
        return tmp_path

    return write


@pytest.fixture
def resumed(log):
    """A run that was stopped after 20 iterations and an epoch, and resumed from the epoch's checkpoint."""
    log(
        '20260101_100000',
        dict(loss=2.0, time=1.5, step=10),
        {'3dpw/MPJPE': 9.0, 'step': 1},
        dict(loss=1.0, time=2.0, step=20),
        {'3dpw/MPJPE': 8.0, 'step': 2},
    )
    return log(
        '20260101_110000',
        dict(loss=1.0, time=3.0, step=20),
        {'3dpw/MPJPE': 8.5, 'step': 2},
        dict(loss=1.0, time=3.0, step=40),
        {'3dpw/MPJPE': 7.0, 'step': 4},
    )


def test_iterations_done_twice_count_once(resumed):
    assert training_minutes(resumed) == pytest.approx((10 * 1.5 + 10 * 3 + 20 * 3) / 60)


def test_a_line_that_a_kill_has_cut_hides_no_later_run(resumed):
    with open(resumed / '20260101_100000' / 'vis_data' / 'scalars.json', 'a') as file:
        file.write('\n{"loss": 1.0, "ti')
    assert training_minutes(resumed) == pytest.approx((10 * 1.5 + 10 * 3 + 20 * 3) / 60)
    assert validation_curve(resumed, '3dpw/MPJPE') == {1: 9.0, 2: 8.5, 4: 7.0}


def test_the_curve_has_the_last_value_of_each_epoch(resumed):
    assert validation_curve(resumed, '3dpw/MPJPE') == {1: 9.0, 2: 8.5, 4: 7.0}
    assert validation_curve(resumed, '3dpw/PVE') == {}


def test_mean_of_the_last_epoch(log):
    def entry(step, epoch, loss):
        return dict(loss=9.0, loss_2d=loss, step=step, epoch=epoch)

    folder = log(
        '20260101_100000',
        entry(50, 1, 8.0),
        {'3dpw/MPJPE': 9.0, 'step': 1},
        entry(100, 2, 4.0),
        entry(150, 2, 6.0),
    )
    log('20260101_110000', entry(100, 2, 1.0), entry(150, 2, 2.0), {'3dpw/MPJPE': 8.0, 'step': 2})
    assert last_epoch_mean(folder, 'loss_2d') == 1.5
    assert last_epoch_mean(folder, 'loss_3d') is None


def test_curves_of_all_numbers(log):
    folder = log(
        '20260101_000000', dict(loss=4.0, lr=1e-3, epoch=1, step=10), dict(loss=9.0, lr=1e-3, step=20)
    )
    log('20260102_000000', dict(loss=2.0, lr=1e-4, iter=20, step=20), {'unit/MPJPE': 80.0, 'step': 1})
    train, val = read_curves(folder)
    assert list(train) == ['loss', 'lr'] and list(val) == ['unit/MPJPE']
    np.testing.assert_array_equal(train['loss'], [[10, 20], [4, 2]])
    np.testing.assert_array_equal(val['unit/MPJPE'], [[1], [80]])
    train, val = read_curves(folder / '20260101_000000' / 'vis_data' / 'scalars.json')
    np.testing.assert_array_equal(train['loss'], [[10, 20], [4, 9]])
    assert not val


def test_what_is_no_log(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'has no \*/vis_data/scalars.json'):
        read_curves(tmp_path)
    with pytest.raises(FileNotFoundError, match='gone.json'):
        read_curves(tmp_path / 'gone.json')
    for content in (b'no log', b'\xff'):
        (tmp_path / 'x.json').write_bytes(content)
        with pytest.raises(ValueError, match='x.json is no log of MMEngine'):
            read_curves(tmp_path / 'x.json')


def test_a_folder_without_a_log(tmp_path):
    assert training_minutes(tmp_path) == 0 and validation_curve(tmp_path, '3dpw/MPJPE') == {}


@pytest.mark.parametrize('rest', [b'{"loss": 2.0, "ti', bytes(30), b'{"a": "\xff', b'12'])
def test_a_last_line_that_is_not_complete_is_left_out(log, rest):
    folder = log('20260101_100000', dict(loss=1.0, time=60.0, step=1))
    path = folder / '20260101_100000' / 'vis_data' / 'scalars.json'
    whole = path.read_bytes()
    path.write_bytes(whole + b'\n' + rest)
    assert training_minutes(folder) == 1
    path.write_bytes(rest)
    assert training_minutes(folder) == 0  # killed at its first line
    with pytest.raises(ValueError, match='scalars.json is no log of MMEngine'):
        read_curves(path)
    path.write_bytes(rest + b'\n' + whole)
    with pytest.raises(ValueError, match='scalars.json is no log of MMEngine'):
        training_minutes(folder)
