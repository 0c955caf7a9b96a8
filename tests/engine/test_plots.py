import numpy as np
import pytest
from matplotlib.figure import Figure

from mmroi.engine.plots import plot_curves, plot_schedule

TRAIN = dict(loss=(np.array([10, 20, 30]), np.array([4.0, 2.0, 3.0])))
VAL = {'unit/MPJPE': (np.array([1, 2]), np.array([80.0, 70.0]))}


@pytest.fixture
def figure(monkeypatch):
    """The figure that was last written."""
    kept = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, 'savefig', lambda self, *args, **kw: kept.append(self) or save(self, *args, **kw)
    )
    return kept


def test_panels_and_curves(figure, tmp_path):
    out = tmp_path / 'new' / 'curves.png'
    plot_curves([('a', (TRAIN, VAL)), ('b', ({}, VAL))], ['loss', 'unit/MPJPE'], out, title='Two')
    loss, error = figure[-1].axes
    assert out.is_file() and figure[-1].get_suptitle() == 'Two'
    assert (loss.get_title(), loss.get_xlabel(), error.get_xlabel()) == ('loss', 'iteration', 'epoch')
    assert [line.get_label() for line in loss.lines] == ['a']
    assert [line.get_label() for line in error.lines] == ['a', 'b']
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[10, 4], [20, 2], [30, 3]])


def test_mean_over_a_window_stands_at_its_end(figure, tmp_path):
    plot_curves([('a', (TRAIN, {}))], ['loss'], tmp_path / 'curves.png', window=2)
    np.testing.assert_allclose(figure[-1].axes[0].lines[0].get_xydata(), [[20, 3], [30, 2.5]])
    plot_curves([('a', (TRAIN, {}))], ['loss'], tmp_path / 'curves.png', window=9)
    np.testing.assert_allclose(figure[-1].axes[0].lines[0].get_xydata(), [[30, 3]])


def test_unknown_number(tmp_path):
    with pytest.raises(KeyError, match="no log has 'los'; there are: loss, unit/MPJPE"):
        plot_curves([('a', (TRAIN, VAL))], ['los'], tmp_path / 'curves.png')
    assert not any(tmp_path.iterdir())


def test_schedule(figure, tmp_path):
    plot_schedule([0.1, 0.2, 0.3, 0.4], 2, 'lr', tmp_path / 'lr.png', 'name')
    (axes,) = figure[-1].axes
    assert (axes.get_ylabel(), axes.get_title()) == ('lr', 'name')
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.1, 0.2, 0.3, 0.4])
