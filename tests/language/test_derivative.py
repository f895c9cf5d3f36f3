"""The derivative of a graph as a graph, and what it says of the gate that keeps each state."""

from __future__ import annotations

import numpy as np
import pytest

import latchwork as lw
from latchwork import cells
from latchwork.language.derivative import evaluation_order, gradients, retention
from latchwork.language.lower import lower
from latchwork.language.value import Value


def kept_by(cell) -> dict[str, str | None]:
    """State → the name of what keeps it, or the op of a value without a name."""
    return {
        state: None if value is None else value.name or value.op
        for state, value in retention(lower(cell.graph)).items()
    }


KEEP_GATES = {
    "gru": {"h": "update"},
    "gru_layer_norm": {"h": "update"},
    "gru_reset_before": {"h": "update"},
    "lstm": {"h": None, "c": "forget"},
    "lstm_coupled": {"h": None, "c": "forget"},
    "lstm_layer_norm": {"h": None, "c": "forget"},
    "lstm_peephole": {"h": None, "c": "forget"},
    "lstm_projected": {"h": None, "c": "forget"},
    "rnn": {"h": None},
    "rnn_relu": {"h": None},
}


@pytest.mark.parametrize("name", KEEP_GATES)
def test_the_gate_that_keeps_a_state_is_found(name):
    assert kept_by(cells.get(name)) == KEEP_GATES[name]


def evaluated(value: Value, known: dict[Value, np.ndarray]) -> np.ndarray:
    from latchwork.language.ops import OPS

    environment: dict[Value, object] = dict(known)
    for v in evaluation_order([value], known.keys()):
        inputs = [environment[i] for i in v.inputs]
        environment[v] = v.attributes["value"] if v.op == "constant" else OPS[v.op].numpy(np, *inputs)
    return np.asarray(environment[value])


def test_mgu_keeps_what_its_gate_leaves():
    graph = lower(cells.get("mgu").graph)
    kept = retention(graph)["h"]
    gate = np.array([0.2, 0.9])
    np.testing.assert_allclose(evaluated(kept, {graph.names["forget"]: gate}), 1 - gate)


def test_indrnn_keeps_by_its_recurrent_weight_where_the_unit_is_on():
    graph = lower(cells.get("indrnn").graph)
    kept = retention(graph)["h"]
    (before,) = [v.inputs[0] for v in graph.order if v.op == "relu"]
    weight = np.array([0.7, 0.7])
    known = {before: np.array([1.0, -1.0]), graph.names["recurrent"]: weight}
    np.testing.assert_allclose(evaluated(kept, known), [0.7, 0.0])


def test_a_state_that_is_handed_on_whole_is_kept_whole():
    @lw.cell
    def made(x, h, total):
        new = lw.tanh(lw.affine(x, h, total))
        total = total + new
        return new, total

    kept = retention(lower(made.graph))
    assert kept["h"] is None
    assert evaluated(kept["total"], {}) == 1.0


def test_a_leak_is_its_rate():
    @lw.cell
    def leaky(x, h):
        h = 0.25 * h + 0.75 * lw.tanh(lw.affine(x, h))
        return h

    assert evaluated(retention(lower(leaky.graph))["h"], {}) == 0.25


def test_two_ways_through_add_up():
    @lw.cell
    def made(x, h):
        keep = lw.sigmoid(lw.affine(x, h))
        h = keep * h + 0.5 * h + lw.tanh(lw.affine(x))
        return h

    graph = lower(made.graph)
    gate = np.array([0.1, 0.3])
    np.testing.assert_allclose(evaluated(retention(graph)["h"], {graph.names["keep"]: gate}), gate + 0.5)


def test_what_nothing_depends_on_has_no_gradient():
    @lw.cell
    def made(x, h):
        shown = lw.tanh(h)  # noqa: F841
        h = lw.tanh(lw.affine(x, h))
        return h

    graph = lower(made.graph)
    found = gradients(graph, {graph.results[0]: Value("seed")})
    assert graph.names["shown"] not in found
    assert graph.input in found
    assert graph.states[0] in found


def test_a_stopped_op_lets_nothing_through():
    graph = lower(cells.get("rnn").graph)
    found = gradients(graph, {graph.results[0]: Value("seed")}, stop=("tanh",))
    assert graph.states[0] not in found
    assert graph.results[0] in found


def test_numbers_have_no_gradient():
    graph = lower(cells.get("gru").graph)
    assert not [v for v in gradients(graph, {graph.results[0]: Value("seed")}) if v.op == "constant"]


def test_a_map_carries_the_gradient_back_by_its_transpose():
    graph = lower(cells.get("rnn").graph)
    back = gradients(graph, {graph.results[0]: Value("seed")})[graph.states[0]]
    assert back.op == "map_transpose"
    assert back.attributes["of"].inputs[0] is graph.states[0]
