"""Figures of a memory show the numbers they were given."""

import io

import numpy as np
import pytest

from latchwork.errors import DataError
from latchwork.explain import plot_gradient_flow, plot_half_lives
from latchwork.explain.memory import Flow


def flow(shares, reach=None):
    shares = np.asarray(shares)
    return Flow(np.arange(len(shares)), shares, {}, reach)


def drawn(figure):
    figure.savefig(io.BytesIO(), format="pdf")
    (axes,) = figure.axes
    return axes, [text.get_text() for text in axes.get_legend().get_texts()] if axes.get_legend() else []


def test_half_lives_fall_from_all_units_and_name_those_that_never_forget():
    lives = {"lstm": np.array([8.0, 2.0, np.inf, 4.0]), "gru": np.array([3.0])}
    axes, legend = drawn(plot_half_lives(lives))
    assert axes.get_lines()[0].get_xdata().tolist() == [2, 4, 8]
    assert axes.get_lines()[0].get_ydata().tolist() == [1, 0.75, 0.5]
    assert legend == ["lstm (1 of 4 never)", "gru"]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[0] < 2 < 8 < axes.get_xlim()[1]


def test_half_lives_of_one_cell_and_of_units_that_never_forget():
    axes, legend = drawn(plot_half_lives(np.array([1.0, 1.0])))
    assert legend == []
    assert axes.get_xlim()[1] / axes.get_xlim()[0] > 4
    assert drawn(plot_half_lives(np.array([np.inf, np.inf])))[1] == ["units (2 of 2 never)"]
    for nothing in ({}, np.array([])):
        with pytest.raises(DataError, match="nothing to plot"):
            plot_half_lives(nothing)


def test_gradient_flow_on_logarithmic_axes_down_to_what_can_be_seen():
    flows = {"rnn": flow([1, 0.01, 1e-9], 1.0), "lstm": flow([1, 0.9, 0.8])}
    axes, legend = drawn(plot_gradient_flow(flows, {"rnn": flow([1, 0.5])}))
    assert legend == ["rnn: 1 % at 1 steps", "lstm", "before training"]
    gone, fitted, before, other, _ = axes.get_lines()
    assert set(gone.get_ydata()) == {0.01}
    np.testing.assert_array_equal(fitted.get_ydata(), [1, 0.01, np.nan])
    assert before.get_ydata().tolist() == [1, 0.5]
    assert before.get_linestyle() == "--"
    assert other.get_xdata().tolist() == [0, 1, 2]
    assert (axes.get_xscale(), axes.get_yscale()) == ("symlog", "log")
    assert drawn(plot_gradient_flow(flows["lstm"], flows["rnn"]))[1] == ["fitted", "before training"]
    with pytest.raises(DataError, match="nothing to plot"):
        plot_gradient_flow({})
