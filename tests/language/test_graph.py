"""A cell's graph: stages, sizes, order and signature."""

from __future__ import annotations

import pytest

import latchwork as lw
from latchwork import cells
from latchwork.language.graph import HOISTED
from latchwork.language.lower import lower
from latchwork.language.transforms import variant

EVERY_CELL = [cells.get(name) for name in cells.names()]
EVERY_CELL += [variant(c, recurrent_dropout=0.2, zoneout=0.1) for c in EVERY_CELL]


def stages(cell: lw.Cell) -> dict[str, int]:
    return {name: cell.graph.stages[value] for name, value in cell.graph.names.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rnn", {"h": 1}),
        ("lstm", dict.fromkeys(("input", "forget", "candidate", "output", "c", "h"), 1)),
        ("gru", dict.fromkeys(("reset", "update", "candidate", "h"), 1)),
        ("gru_reset_before", {"reset": 1, "update": 1, "kept": 1, "candidate": 2, "h": 2}),
        ("mgu", {"forget": 1, "kept": 1, "candidate": 2, "h": 2}),
        ("indrnn", {"recurrent": HOISTED, "h": 0}),
        ("lstm_projected", {"input": 1, "forget": 1, "candidate": 1, "output": 1, "c": 1, "h": 2}),
        ("lstm_layer_norm", {"input": 2, "forget": 2, "candidate": 2, "output": 2, "c": 2, "h": 3}),
    ],
)
def test_stages_say_what_waits_for_what(name, expected):
    assert stages(cells.get(name)) == expected


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_what_depends_on_the_input_alone_is_hoisted(cell):
    for graph in (cell.graph, lower(cell.graph)):
        drawn_anew = [v for v in graph.order if v.attributes.get("each_step")]
        tied = set(graph.states) | set(drawn_anew)
        for value in graph.order:
            if any(i in tied for i in value.inputs):
                tied.add(value)
        assert {v for v in graph.order if graph.stages[v] != HOISTED} == tied


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_no_value_is_in_an_earlier_stage_than_its_inputs(cell):
    graph = lower(cell.graph)
    starts = ("map", "project", "mean")
    for value in graph.order:
        for source in value.inputs:
            assert graph.stages[value] >= graph.stages[source]
            if value.op in starts and graph.stages[source] != HOISTED:
                assert graph.stages[value] == graph.stages[source] + 1


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_every_value_comes_after_its_inputs_and_once(cell):
    for graph in (cell.graph, lower(cell.graph)):
        seen = set()
        for value in graph.order:
            assert set(value.inputs) <= seen
            assert value not in seen
            seen.add(value)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_names_come_in_an_order_in_which_they_can_be_computed(cell):
    position = {value: i for i, value in enumerate(cell.graph.order)}
    places = [position[value] for value in cell.graph.names.values()]
    assert places == sorted(places)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_lowering_leaves_table_ops_maps_and_leaves(cell):
    from latchwork.language.ops import OPS

    lowered = lower(cell.graph)
    leaves = {"input", "state", "constant", "vector", "bernoulli", "map", "project"}
    assert {v.op for v in lowered.order} <= leaves | set(OPS)
    assert list(lowered.names) == list(cell.graph.names)
    assert lowered.states == cell.graph.states


def test_sizes_follow_from_maps_and_projections():
    graph = cells.get("lstm_projected").graph
    assert graph.state_sizes() == ("P", "H")
    assert graph.output_size == "P"
    assert graph.sizes[graph.input] == "I"
    assert graph.sizes[graph.names["output"]] == "H"
    assert cells.get("lstm").graph.state_sizes() == ("H", "H")


def test_a_vector_is_as_long_as_what_it_meets():
    @lw.cell
    def made(x, h, c):
        scaled = lw.vector() * x
        c = lw.vector() * c + lw.affine(scaled, h)
        h = lw.vector() * lw.project(c)
        return h, c

    vectors = [v for v in made.graph.order if v.op == "vector"]
    assert sorted(made.graph.sizes[v] for v in vectors) == ["H", "I", "P"]


def test_a_number_in_a_cell_is_not_traced():
    @lw.cell
    def made(x, h):
        scale = lw.sqrt(2.0)
        h = lw.tanh(lw.affine(x, h)) / scale
        return h

    assert made.graph.sizes[made.graph.names["scale"]] == "1"
    assert list(made.graph.traced) == ["h"]


def test_the_signature_forgets_names():
    @lw.cell
    def renamed(u, out, memory):
        """Gates in the order i, f, g, o under other names."""
        write = lw.sigmoid(lw.affine(u, out))
        keep = lw.sigmoid(lw.affine(u, out))
        new = lw.tanh(lw.affine(u, out))
        show = lw.sigmoid(lw.affine(u, out))
        memory = keep * memory + write * new
        out = show * lw.tanh(memory)
        return out, memory

    assert renamed.graph.signature == cells.get("lstm").graph.signature


def test_the_signature_knows_the_order_of_the_blocks():
    @lw.cell
    def forget_first(x, h, c):
        forget = lw.sigmoid(lw.affine(x, h))
        input = lw.sigmoid(lw.affine(x, h))
        candidate = lw.tanh(lw.affine(x, h))
        output = lw.sigmoid(lw.affine(x, h))
        c = forget * c + input * candidate
        h = output * lw.tanh(c)
        return h, c

    assert forget_first.graph.signature != cells.get("lstm").graph.signature


def test_the_signature_knows_biases_constants_and_states():
    def leaky(rate, learned):
        @lw.cell
        def made(x, h):
            return rate * h + lw.tanh(learned(x, h))

        return made.graph.signature

    @lw.cell
    def swapped(x, c, h):
        return h, lw.tanh(lw.affine(x, c)) + h

    @lw.cell
    def straight(x, c, h):
        return c, lw.tanh(lw.affine(x, c)) + h

    signatures = {leaky(0.1, lw.affine), leaky(0.2, lw.affine), leaky(0.1, lw.linear)}
    assert len(signatures) == 3
    assert leaky(0.1, lw.affine) == leaky(0.1, lw.affine)
    assert swapped.graph.signature != straight.graph.signature


def test_all_cells_of_the_zoo_differ():
    assert len({cells.get(name).graph.signature for name in cells.names()}) == len(cells.names())


def test_transforms_leave_the_cell_alone():
    lstm = cells.get("lstm")
    before = (lstm.graph.signature, list(lstm.graph.names), [v.name for v in lstm.graph.order])
    variant(lstm, peephole=True, layer_norm=True, projected=True, recurrent_dropout=0.1, zoneout=0.1, bias=False)
    assert (lstm.graph.signature, list(lstm.graph.names), [v.name for v in lstm.graph.order]) == before
