"""Stills of a trace show its values, gates on one scale."""

import copy
import io
import sys

import numpy as np
import pytest
import torch

from latchwork.errors import ConfigError, DataError, MissingExtraError
from latchwork.nn import GRU, LSTM
from latchwork.nn.trace import Trace


def traced(layer, *args, **kwargs):
    return layer(*args, **kwargs, return_trace=True)[2]


def drawn(figure):
    """Panels by name, after the figure was really drawn."""
    figure.savefig(io.BytesIO(), format="png")
    return {axes.get_ylabel(): axes for axes in figure.axes if axes.get_ylabel()}


def test_values_scales_and_names():
    torch.manual_seed(0)
    trace = traced(LSTM(3, 6, 2, bidirectional=True), 9 * torch.randn(5, 2, 3), lengths=[5, 4])
    panels = drawn(trace.plot(0, 1, row=1, steps=["It's", "$x_1$", "w" * 40, "</b>"]))
    assert list(panels) == ["input", "forget", "output", "candidate", "c", "h"]
    for name, axes in panels.items():
        (image,) = axes.get_images()
        np.testing.assert_array_equal(image.get_array(), trace[1][name][:4, 1].T.detach())
    assert panels["forget"].get_images()[0].get_clim() == (0, 1)
    low, high = panels["c"].get_images()[0].get_clim()
    assert low == -high
    assert high >= float(trace[1]["c"].detach()[:4, 1].abs().max())
    names = [label.get_text() for label in panels["h"].get_xticklabels()]
    assert names[:2] == ["It's", "$x_1$"]
    assert len(names[2]) < 20


@pytest.mark.parametrize("form", ["batch_first", "unbatched", "packed"])
def test_every_form_of_input(form):
    layer = GRU(3, 1, batch_first=form == "batch_first")
    x = torch.randn(4, 3)
    given = {
        "batch_first": x[None],
        "unbatched": x,
        "packed": torch.nn.utils.rnn.pack_sequence([x]),
    }[form]
    trace = traced(layer, given)
    (panel,) = drawn(trace.plot(names=["update"])).values()
    np.testing.assert_array_equal(panel.get_images()[0].get_array().shape, (1, 4))
    np.testing.assert_array_equal(panel.get_images()[0].get_array().ravel(), trace[0]["update"].detach().ravel())


def test_very_long_sequences_get_numbers():
    panels = drawn(traced(GRU(1, 2), torch.zeros(500, 1, 1)).plot(steps=["word"] * 500))
    assert panels["h"].get_xlabel() == "step"


def test_what_cannot_be_plotted_is_refused_in_words():
    trace = traced(GRU(3, 4, 2), torch.randn(5, 2, 3), lengths=[5, 0])
    with pytest.raises(ConfigError, match="no layer 2 with direction 0: there are 2 layers with 1 direction"):
        trace.plot(2)
    with pytest.raises(ConfigError, match="no layer -1 with direction 1"):
        trace.plot(direction=1)
    with pytest.raises(ConfigError, match="no value 'forget' in this trace; it has reset, update"):
        trace.plot(names=["forget"])
    with pytest.raises(ConfigError, match="no row 2: the batch has 2"):
        trace.plot(row=2)
    with pytest.raises(DataError, match="row 1 has no steps"):
        trace.plot(row=1)
    with pytest.raises(DataError, match="5 steps, and 1 are named"):
        trace.plot(steps=["a"])
    with pytest.raises(ConfigError, match="part of another"):
        Trace([dict(trace[0])]).plot()


def test_a_slice_is_plotted_by_its_own_layers():
    trace = traced(GRU(3, 4, 2, bidirectional=True), torch.randn(5, 2, 3))
    assert trace[2:].plot(0, 1).axes
    assert trace[1:2].plot(0).axes
    with pytest.raises(ConfigError, match="there are 1 layers with 2 directions"):
        trace[2:].plot(1)
    with pytest.raises(ConfigError, match="there are 3 layers with 1 direction"):
        trace[1:].plot(0, 1)


def test_a_trace_can_be_copied_although_its_values_are_part_of_a_graph():
    trace = traced(GRU(3, 4, 2), torch.randn(5, 2, 3))
    copied = copy.deepcopy(trace)
    assert torch.equal(copied[1]["h"], trace[1]["h"])
    assert trace[1]["h"].requires_grad
    assert not copied[1]["h"].requires_grad
    assert copied.plot().axes


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"latchwork\[train\]"):
        traced(GRU(3, 4), torch.randn(5, 2, 3)).plot()
