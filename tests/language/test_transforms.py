"""Changes to any cell: each is the zoo's hand-written cell where there is one, and refused where it makes no sense."""

from __future__ import annotations

import pytest

import latchwork as lw
from latchwork import cells
from latchwork.errors import ConfigError
from latchwork.language.formula import formula
from latchwork.language.layout import Layout
from latchwork.language.lower import lower
from latchwork.language.transforms import variant

EQUAL = [
    ("lstm", {"layer_norm": True}, "lstm_layer_norm"),
    ("lstm", {"peephole": True}, "lstm_peephole"),
    ("lstm", {"projected": True}, "lstm_projected"),
    ("gru", {"layer_norm": True}, "gru_layer_norm"),
]


@pytest.mark.parametrize(("name", "options", "by_hand"), EQUAL)
def test_a_transform_is_the_cell_written_by_hand(name, options, by_hand):
    made, written = variant(cells.get(name), **options).graph, cells.get(by_hand).graph
    assert made.signature == written.signature
    assert Layout.of(lower(made)).parameters == Layout.of(lower(written)).parameters
    assert formula(made) == formula(written)
    assert list(made.names) == list(written.names)


def test_no_change_is_the_cell_itself():
    gru = cells.get("gru")
    assert variant(gru) is gru
    assert variant(gru, zoneout=0.0, recurrent_dropout=0) is gru


def test_the_name_says_what_was_changed():
    made = variant(cells.get("lstm"), peephole=True, bias=False, recurrent_dropout=0.25, zoneout={"c": 0.5})
    assert made.name == "lstm(bias=False, peephole=True, recurrent_dropout=0.25, zoneout={'c': 0.5})"
    assert made.doc == cells.get("lstm").doc


@pytest.mark.parametrize("name", ["lstm_layer_norm", "gru_layer_norm"])
def test_a_second_layer_norm_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} has layer norm of its own already; leave layer_norm=True out"):
        variant(cells.get(name), layer_norm=True)


@pytest.mark.parametrize("name", ["gru", "rnn", "indrnn"])
def test_peepholes_need_a_cell_state(name):
    with pytest.raises(ConfigError, match="needs a cell state beside the output"):
        variant(cells.get(name), peephole=True)


def test_a_second_set_of_peepholes_is_refused():
    with pytest.raises(ConfigError, match="has peepholes of its own"):
        variant(cells.get("lstm_peephole"), peephole=True)


@pytest.mark.parametrize("name", ["gru", "gru_reset_before", "mgu", "indrnn"])
def test_a_state_used_unit_by_unit_cannot_be_projected(name):
    with pytest.raises(ConfigError, match="uses its output state `h` unit by unit"):
        variant(cells.get(name), projected=True)


def test_a_second_projection_is_refused():
    with pytest.raises(ConfigError, match="has a projection of its own"):
        variant(cells.get("lstm_projected"), projected=True)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, True, "0.1", float("nan")])
def test_a_rate_is_a_probability_below_one(rate):
    with pytest.raises(ConfigError, match="must be a probability"):
        variant(cells.get("lstm"), recurrent_dropout=rate)
    with pytest.raises(ConfigError, match="must be a probability"):
        variant(cells.get("lstm"), zoneout={"c": rate})


def test_a_rate_may_be_a_number_of_numpy():
    import numpy as np

    made = variant(cells.get("gru"), zoneout=np.float32(0.25))
    assert made.graph.signature == variant(cells.get("gru"), zoneout=0.25).graph.signature


def test_zoneout_of_an_unknown_state_is_refused():
    with pytest.raises(ConfigError, match="zoneout names `cell`, but the states of lstm are: h, c"):
        variant(cells.get("lstm"), zoneout={"cell": 0.1})


def test_zoneout_by_name_leaves_the_other_states():
    graph = variant(cells.get("lstm"), zoneout={"c": 0.5}).graph
    assert graph.results[0].op == "mul"
    assert graph.results[0] is graph.names["h"]
    assert [v.attributes["rate"] for v in graph.order if v.op == "bernoulli"] == [0.5]
    assert graph.names["c"] is graph.results[1]
    # As in the paper, the output is made of the cell state before the zoneout.
    assert graph.results[1] not in {i for v in graph.order for i in v.inputs}


@pytest.mark.parametrize("name", cells.names())
def test_every_mask_has_a_stream_of_its_own(name):
    graph = variant(cells.get(name), recurrent_dropout=0.5, zoneout=0.1).graph
    streams = sorted(v.attributes["stream"] for v in graph.order if v.op == "bernoulli")
    assert streams == list(range(len(streams)))
    assert len(streams) >= len(graph.states)


@pytest.mark.parametrize("name", cells.names())
def test_recurrent_dropout_masks_every_map_but_the_inputs(name):
    graph = variant(cells.get(name), recurrent_dropout=0.5).graph
    for value in graph.order:
        if value.op == "map":
            source = value.inputs[0]
            masked = source.op == "mul" and source.inputs[1].op == "div"
            assert masked == (source is not graph.input)
            if masked:
                mask = source.inputs[1].inputs[0]
                assert (mask.op, mask.attributes["each_step"], mask.attributes["rate"]) == ("bernoulli", False, 0.5)


def test_one_state_read_by_many_maps_has_one_mask():
    graph = variant(cells.get("lstm"), recurrent_dropout=0.5).graph
    assert sum(v.op == "bernoulli" for v in graph.order) == 1


def test_all_changes_together_keep_every_name():
    lstm = cells.get("lstm")
    made = variant(lstm, peephole=True, layer_norm=True, projected=True, recurrent_dropout=0.1, zoneout=0.1)
    assert sorted(made.graph.names) == sorted(lstm.graph.names)
    assert made.graph.state_sizes() == ("P", "H")


def test_a_cell_made_by_a_transform_says_that_it_cannot_be_called():
    made = variant(cells.get("gru"), layer_norm=True)
    with pytest.raises(lw.errors.CellError, match="made by a transform"):
        lw.cell(lambda x, h: made(x, h))
