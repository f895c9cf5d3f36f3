"""A cell's function becomes a graph: where names come from, and in which frames it may be written."""

from __future__ import annotations

import copy
import pickle
import textwrap
import threading

import pytest

import latchwork as lw
from latchwork import cells
from latchwork.errors import CellError
from latchwork.language.transforms import variant

PREAMBLE = "from latchwork import affine, cell, sigmoid\n"


def written(source: str, name: str = "made") -> lw.Cell:
    """The cell of that name in source that is in no file."""
    namespace: dict[str, object] = {}
    exec(PREAMBLE + textwrap.dedent(source), namespace)
    made = namespace[name]
    assert isinstance(made, lw.Cell)
    return made


def test_names_are_those_left_of_the_equals_sign_in_the_order_of_the_lines():
    assert list(cells.get("lstm").graph.names) == ["input", "forget", "candidate", "output", "c", "h"]
    assert list(cells.get("lstm_peephole").graph.names) == ["input", "forget", "candidate", "c", "output", "h"]


def test_each_name_is_its_own_value():
    graph = cells.get("gru").graph
    assert [graph.names[n].op for n in ("reset", "update", "candidate", "h")] == ["sigmoid", "sigmoid", "tanh", "add"]
    assert graph.results == (graph.names["h"],)
    assert all(value.name == name for name, value in graph.names.items())


def test_the_input_and_the_states_are_the_arguments():
    graph = cells.get("lstm").graph
    assert (graph.input.op, graph.input.name) == ("input", "x")
    assert [(s.op, s.name) for s in graph.states] == [("state", "h"), ("state", "c")]


def test_a_name_bound_twice_is_its_last_value():
    @lw.cell
    def made(x, h):
        gate = lw.affine(x, h)
        gate = lw.sigmoid(gate)
        h = gate * h
        h = lw.tanh(h)
        return h

    assert {n: v.op for n, v in made.graph.names.items()} == {"gate": "sigmoid", "h": "tanh"}


def test_two_names_of_one_value_are_both_kept():
    @lw.cell
    def made(x, h):
        keep = forget = lw.sigmoid(lw.affine(x, h))  # noqa: F841
        h = keep * h
        return h

    assert made.graph.names["keep"] is made.graph.names["forget"]
    assert list(made.graph.traced) == ["keep", "forget", "h"]


def test_an_alias_of_an_argument_is_no_new_name():
    @lw.cell
    def made(x, h):
        before = h
        h = lw.tanh(lw.affine(x, h)) + before
        return h

    assert list(made.graph.names) == ["h"]


def test_a_returned_value_without_a_name_is_the_state():
    @lw.cell
    def made(x, memory):
        return lw.tanh(lw.affine(x, memory))

    assert list(made.graph.names) == ["memory"]
    assert made.graph.output.name == "memory"


def test_names_within_a_helper_stay_there():
    def gate(*sources):
        inner = lw.affine(*sources)
        return lw.sigmoid(inner)

    @lw.cell
    def made(x, h):
        keep = gate(x, h)
        h = keep * h
        return h

    assert list(made.graph.names) == ["keep", "h"]


def test_a_cell_within_a_cell_is_its_computation():
    gru = cells.get("gru")

    @lw.cell
    def made(x, h):
        proposed = gru(x, h)
        h = lw.maximum(proposed, h)
        return h

    assert list(made.graph.names) == ["proposed", "h"]
    assert made.graph.names["proposed"].op == "add"


def test_values_kept_in_a_closure_of_the_cell_have_names():
    @lw.cell
    def made(x, h):
        keep = lw.sigmoid(lw.affine(x, h))

        def mixed(a):
            return keep * a

        h = mixed(h)
        return h

    assert sorted(made.graph.names) == ["h", "keep"]


def test_numbers_from_outside_are_constants_of_the_cell():
    def with_rate(rate):
        @lw.cell
        def leaky(x, h):
            h = rate * h + lw.tanh(lw.affine(x))
            return h

        return leaky

    constants = [v.attributes["value"] for v in with_rate(0.25).graph.order if v.op == "constant"]
    assert constants == [0.25]
    assert with_rate(0.25).graph.signature != with_rate(0.5).graph.signature


def test_a_loop_over_numbers_is_unrolled():
    @lw.cell
    def made(x, h):
        for _ in range(3):
            h = lw.tanh(lw.affine(x, h))
        return h

    calls = [v.attributes["call"] for v in made.graph.order if v.op == "map" and v.inputs[0].op == "input"]
    assert sorted(calls) == [0, 1, 2]


def test_a_cell_without_source_has_names():
    made = written("""
        @cell
        def made(x, h):
            keep = sigmoid(affine(x, h))
            h = keep * h
            return h
    """)
    assert list(made.graph.names) == ["keep", "h"]


def test_a_cell_without_source_is_refused_with_its_line():
    with pytest.raises(CellError, match=r"cell 'made', line 5 of <string>: ") as caught:
        written("""
            @cell
            def made(x, h):
                h = affine(x, h).tanh()
                return h
        """)
    assert "Use latchwork.tanh." in str(caught.value)


def test_a_lambda_is_a_cell():
    made = lw.cell(lambda x, h: lw.tanh(lw.affine(x, h)))
    assert made.graph.signature == cells.get("rnn").graph.signature


def test_the_docstring_is_the_cells():
    assert cells.get("rnn").doc == 'Simple recurrent network with tanh: Elman 1990, "Finding structure in time".'


def test_tracing_in_many_threads_keeps_cells_apart():
    found: dict[int, list[float]] = {}

    def trace(number):
        for _ in range(50):

            @lw.cell
            def made(x, h):
                h = lw.tanh(lw.affine(x, h)) * number
                return h

            found.setdefault(number, []).extend(v.attributes["value"] for v in made.graph.order if v.op == "constant")

    threads = [threading.Thread(target=trace, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [float(n)] * 50 for n in range(4)}


def test_what_tools_ask_of_any_object_is_answered_and_not_refused():
    @lw.cell
    def made(x, h):
        assert not hasattr(h, "_repr_html_")
        assert not hasattr(h, "__array__")
        assert repr(h) == "<h>"
        h = lw.tanh(lw.affine(x, h))
        return h

    assert list(made.graph.names) == ["h"]


def test_a_refusal_ends_the_trace():
    def broken(x, h):
        return h.tanh()

    for _ in range(2):
        with pytest.raises(CellError, match="cell 'broken'"):
            lw.cell(broken)
    assert lw.cell(lambda x, h: lw.tanh(lw.affine(x, h))).graph.names["h"].op == "tanh"


def test_the_callers_variables_are_let_go():
    import gc
    import weakref

    class Large:
        pass

    def define():
        large = Large()

        @lw.cell
        def made(x, h):
            kept_alive = large  # noqa: F841
            h = lw.tanh(lw.affine(x, h))
            return h

        made._function = None
        return made, weakref.ref(large)

    made, large = define()
    gc.collect()
    assert made.name == "made"
    assert large() is None


def test_a_copy_is_the_cell_itself():
    gru = cells.get("gru")
    assert copy.copy(gru) is gru
    assert copy.deepcopy({"cell": gru})["cell"] is gru


def test_every_cell_and_variant_survives_pickling():
    variants = [cells.get(name) for name in cells.names()]
    variants += [variant(c, recurrent_dropout=0.2, zoneout=0.1) for c in variants]
    variants.append(variant(cells.get("lstm"), peephole=True, layer_norm=True, projected=True))
    for made in variants:
        back = pickle.loads(pickle.dumps(made))
        assert (back.name, back.doc) == (made.name, made.doc)
        assert back.graph.signature == made.graph.signature
        assert list(back.graph.names) == list(made.graph.names)


def test_a_long_cell_survives_pickling():
    @lw.cell
    def long(x, h):
        h = lw.affine(x, h)
        for _ in range(500):
            h = lw.tanh(h)
        return h

    assert pickle.loads(pickle.dumps(long)).graph.signature == long.graph.signature


def test_an_unpickled_cell_says_why_it_cannot_be_called():
    back = pickle.loads(pickle.dumps(cells.get("gru")))
    with pytest.raises(CellError, match="unpickled"):
        lw.cell(lambda x, h: back(x, h))


def test_repr_shows_the_signature():
    assert repr(cells.get("lstm")) == "<cell lstm(x, h, c)>"
