"""The rules of the picture, for every cell there is and for cells that nobody wrote; and the pictures one expects."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_cells import OWN_CELLS
from pictures import drawn

import latchwork as lw
from latchwork import cells
from latchwork.explain.diagram import Node, Scene, scene
from latchwork.language.cell import Cell
from latchwork.language.transforms import variant
from random_cells import make, step
from support import CHANGES, ODD_CELLS, possible_changes


def node(made: Scene, value: str, *kinds: str) -> Node:
    """The only node of that value."""
    (found,) = (n for n in made.nodes if n.value == value and (not kinds or n.kind in kinds))
    return found


@pytest.mark.parametrize("name", cells.names())
def test_the_zoo(name):
    drawn(cells.get(name))


@pytest.mark.parametrize("name", cells.names())
def test_its_variants(name):
    for change in possible_changes(name):
        drawn(variant(cells.get(name), **({"projected": True} if change == "proj_size" else {change: CHANGES[change]})))


@pytest.mark.parametrize("cell", [*OWN_CELLS, *ODD_CELLS], ids=lambda cell: cell.name)
def test_cells_of_ones_own(cell):
    drawn(cell)


@given(st.lists(step, min_size=1, max_size=6), st.integers(1, 3), st.sampled_from([{}, {"zoneout": 0.3}]))
@settings(max_examples=25)
def test_cells_that_nobody_wrote(program, states, changes):
    drawn(variant(make(program, states), **changes))


SHUT_IN = [
    ([("numbers", 7, 3, 6), ("where", 8, 1, 8), ("a map of a vector", 9, 9, 5)], 3, {"zoneout": 0.3}),
    ([("where", 2, 7, 3), ("sub", 4, 6, 2), ("maximum", 4, 5, 8), ("a projection's way back", 7, 3, 3)], 2, {}),
]


@pytest.mark.parametrize(("program", "states", "changes"), SHUT_IN)
def test_wires_that_others_would_shut_in(program, states, changes):
    drawn(variant(make(program, states), **changes))


def test_an_lstm_looks_as_it_is_known():
    made = drawn(cells.get("lstm"))
    gates = [node(made, name, "gate") for name in ("forget", "input", "candidate", "output")]
    assert [g.symbol for g in gates] == ["σ", "σ", "tanh", "σ"]
    assert [g.x for g in gates] == sorted(g.x for g in gates)
    assert len({g.y for g in gates}) == 1
    # The memory runs straight along the top, through a valve and a sum.
    by_id = {n.id: n for n in made.nodes}
    highway = sorted((w for w in made.wires if w.highway), key=lambda w: w.points)
    assert {y for w in highway for _, y in w.points} == {min(n.y for n in made.nodes)}
    (forgetting,) = (n for n in made.nodes if n.opens == "forget")
    assert [by_id[w.source].kind for w in highway] == ["state", "valve", "joint"]
    assert forgetting.x == gates[0].x
    assert node(made, "h", "valve").opens == "output"
    assert node(made, "h", "valve").x == gates[3].x
    # The output leaves where it entered.
    assert node(made, "h", "state").y == node(made, "h", "result").y > gates[0].y
    assert node(made, "c", "state").y == node(made, "c", "result").y < gates[0].y
    # One bus, of h and x, feeds all gates.
    (bus,) = (n for n in made.nodes if n.kind == "joint" and not n.symbol)
    assert [w.target for w in made.wires if w.source == bus.id] == [g.id for g in sorted(gates, key=lambda g: g.id)]


def test_a_gru_keeps_its_output():
    made = drawn(cells.get("gru"))
    assert next(w.value for w in made.wires if w.highway) == "h"
    (keeping,) = (n for n in made.nodes if n.opens == "update")
    assert keeping.x == node(made, "update", "gate").x
    (less,) = (n for n in made.nodes if n.symbol == "1−")
    assert [n.kind for n in made.nodes if n.opens == less.value] == ["valve"]
    assert [n.symbol for n in made.nodes if n.kind == "map"] == ["U"]


def test_a_plain_rnn_is_one_box_on_a_straight_line():
    made = drawn(cells.get("rnn"))
    assert [n.kind for n in made.nodes if n.kind not in ("input", "state", "result")] == ["joint", "gate"]
    assert not [w for w in made.wires if w.highway]
    assert len({n.y for n in made.nodes if n.kind != "input"}) == 1


def test_layer_norm_is_marked():
    made = drawn(cells.get("lstm_layer_norm"))
    assert {n.symbol for n in made.nodes if n.kind in ("gate", "function")} == {"σ LN", "tanh LN"}


def test_a_projection_is_a_map():
    assert node(drawn(cells.get("lstm_projected")), "h", "map").symbol == "P"


def test_a_peephole_reaches_its_gates_from_the_memory():
    made = drawn(cells.get("lstm_peephole"))
    for gate, previous in (("forget", True), ("input", True), ("output", False)):
        (wire,) = (w for w in made.wires if w.target == node(made, gate, "gate").id and w.value == "c")
        assert wire.previous == previous
        assert not wire.highway


def test_long_names_are_shortened():
    made = scene(next(c for c in OWN_CELLS if c.name == "many_ops").graph)
    box = node(made, "a_gate_whose_name_is_longer_than_any_box")
    assert box.label.endswith("…")
    assert box.w < 130


def test_two_memories_have_a_highway_each():
    made = scene(next(c for c in OWN_CELLS if c.name == "two_memories").graph)
    assert len({w.points[0][1] for w in made.wires if w.highway}) == 2


def test_plain_data():
    data = scene(cells.get("gru").graph).to_data()
    assert set(data) == {"width", "height", "nodes", "wires"}
    assert set(data["nodes"][0]) == {"id", "kind", "x", "y", "w", "h", "symbol", "label", "value", "opens", "reads"}
    assert set(data["wires"][0]) == {"from", "to", "value", "previous", "highway", "points"}


def test_names_of_one_value():
    @lw.cell
    def named_twice(x, h):
        first = lw.tanh(lw.affine(x, h))
        second = first  # noqa: F841
        h = first
        return h

    assert isinstance(named_twice, Cell)
    drawn(named_twice)
