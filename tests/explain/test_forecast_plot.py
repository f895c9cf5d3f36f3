"""The picture of a forecast."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from latchwork.errors import DataError
from latchwork.explain.forecast_plot import plot_forecast

HISTORY = np.sin(np.arange(40.0))
FORECAST = np.sin(np.arange(40.0, 46.0))[:, None] + [-0.3, -0.1, 0.0, 0.1, 0.3]
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_history_median_intervals_and_truth_are_drawn_where_they_belong():
    axes = plot_forecast(HISTORY, FORECAST, FORECAST[:, 2] + 0.05, levels=LEVELS)
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["history"].get_xdata().tolist() == list(range(-39, 1))
    assert lines["median"].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert np.array_equal(lines["median"].get_ydata(), FORECAST[:, 2])
    assert lines["what came"].get_ydata()[0] == HISTORY[-1]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["history", "90 % interval", "50 % interval", "what came", "median"]


def test_it_draws_into_axes_that_are_given_and_against_times():
    axes = Figure().add_subplot()
    times = np.datetime64("2024-01-01") + np.arange(46)
    assert plot_forecast(HISTORY, FORECAST, ax=axes, levels=LEVELS, times=times) is axes
    assert axes.get_xlabel() == ""


def test_refusals():
    with pytest.raises(DataError, match=r"history must be the values \(T,\)"):
        plot_forecast(HISTORY[:, None], FORECAST, levels=LEVELS)
    with pytest.raises(DataError, match=r"forecast must be \(h, 3\)"):
        plot_forecast(HISTORY, FORECAST)
    with pytest.raises(DataError, match=r"truth must be \(6,\)"):
        plot_forecast(HISTORY, FORECAST, HISTORY, levels=LEVELS)
    with pytest.raises(DataError, match="times has 3 steps, but history and forecast have 46"):
        plot_forecast(HISTORY, FORECAST, levels=LEVELS, times=[1, 2, 3])
