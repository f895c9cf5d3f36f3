"""What a step kept: the right gate of each cell, and the right numbers."""

import pytest
import torch

import latchwork as lw
from latchwork import cells
from latchwork.explain import kept
from latchwork.explain.gates import bounds, gates
from latchwork.nn import Recurrent

EXPECTED = {
    "gru": ("h", "update gate"),
    "gru_layer_norm": ("h", "update gate"),
    "gru_reset_before": ("h", "update gate"),
    "indrnn": None,
    "lstm": ("c", "forget gate"),
    "lstm_coupled": ("c", "forget gate"),
    "lstm_layer_norm": ("c", "forget gate"),
    "lstm_peephole": ("c", "forget gate"),
    "lstm_projected": ("c", "forget gate"),
    "mgu": ("h", "forget gate"),
    "rnn": None,
    "rnn_relu": None,
}


def run(cell, **options):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, **options).eval()
    _, _, trace = layer(torch.randn(6, 2, 3), return_trace=True)
    return layer, trace[0]


@pytest.mark.parametrize("cell", cells.names())
def test_each_cell_of_the_zoo(cell):
    layer, trace = run(cell, proj_size=2 if cell == "lstm_projected" else 0)
    found = kept(layer.cell, trace)
    if EXPECTED[cell] is None:
        assert found is None
        return
    assert (found.state, found.gate) == EXPECTED[cell]
    gate = trace[found.gate.removesuffix(" gate")]
    assert torch.equal(found.values, 1 - gate if cell == "mgu" else gate)


def test_zoneout_keeps_more():
    layer, trace = run("lstm", zoneout={"c": 0.25})
    found = kept(layer.cell, trace)
    assert torch.allclose(found.values, 0.25 + 0.75 * trace["forget"])


def test_what_is_kept_is_the_derivative_of_the_state_by_the_state():
    """The keep gate of a cell without recurrent maps is all of ∂h[t]/∂h[t−1]."""

    @lw.cell
    def leaky(x, h):
        keep = lw.sigmoid(lw.affine(x))
        h = keep * h + (1 - keep) * lw.tanh(lw.affine(x))
        return h

    layer = Recurrent(leaky, 2, 3)
    x, h = torch.randn(1, 1, 2), torch.randn(1, 1, 3)
    _, _, trace = layer(x, h, return_trace=True)
    jacobian = torch.autograd.functional.jacobian(lambda state: layer(x, state)[0][0, 0], h)[:, 0, 0]
    found = kept(leaky, trace[0])
    assert found.gate == "keep gate"
    assert torch.allclose(torch.diag(found.values[0, 0]), jacobian, atol=1e-6)


PARTS = {
    "gru": ("update", "1 − update", None),
    "gru_layer_norm": ("update", "1 − update", None),
    "gru_reset_before": ("update", "1 − update", None),
    "indrnn": (None, None, None),
    "lstm": ("forget", "input", "output"),
    "lstm_coupled": ("forget", "1 − forget", "output"),
    "lstm_layer_norm": ("forget", "input", "output"),
    "lstm_peephole": ("forget", "input", "output"),
    "lstm_projected": ("forget", "input", "output"),
    "mgu": ("1 − forget", "forget", None),
    "rnn": (None, None, None),
    "rnn_relu": (None, None, None),
}


def said(gate):
    return None if gate is None else "1 − " * gate.complement + gate.value


@pytest.mark.parametrize("cell", cells.names())
def test_the_parts_that_gates_play(cell):
    assert tuple(said(gate) for gate in gates(cells.get(cell).graph).parts.values()) == PARTS[cell]


@pytest.mark.parametrize("option", [{"layer_norm": True}, {"peephole": True}, {"recurrent_dropout": 0.2}])
def test_the_parts_of_a_variant(option):
    layer, _ = run("lstm", **option)
    assert tuple(said(gate) for gate in gates(layer.cell.graph).parts.values()) == PARTS["lstm"]


def test_the_shares_under_zoneout():
    layer, trace = run("lstm", zoneout={"c": 0.25, "h": 0.5})
    found = gates(layer.cell.graph)
    assert [gate.value for gate in found.parts.values()] == ["#keep", "#write", "#expose"]
    assert [gate.label for gate in found.parts.values()] == [
        f"{name} gate with zoneout" for name in ("forget", "input", "output")
    ]
    assert torch.allclose(found.keep.shares(trace, found.graph), 0.25 + 0.75 * trace["forget"])
    assert torch.allclose(found.write.shares(trace, found.graph), 0.75 * trace["input"])
    assert torch.allclose(found.expose.shares(trace, found.graph), 0.5 * trace["output"])


def test_a_number_is_no_gate():
    @lw.cell
    def leaky(x, h):
        h = 0.9 * h + 0.1 * lw.tanh(lw.affine(x, h))
        return h

    assert set(gates(leaky.graph).parts.values()) == {None}


def test_a_candidate_without_a_gate_is_not_written_by_one():
    @lw.cell
    def open_door(x, h):
        keep = lw.sigmoid(lw.affine(x, h))
        h = keep * h + lw.tanh(lw.affine(x))
        return h

    found = gates(open_door.graph)
    assert (said(found.keep), found.write, found.expose) == ("keep", None, None)


def test_the_gate_before_a_projection_and_zoneout_is_found():
    layer, trace = run("lstm_projected", proj_size=2, zoneout={"h": 0.5})
    found = gates(layer.cell.graph)
    assert found.expose.label == "output gate with zoneout"
    assert torch.allclose(found.expose.shares(trace, found.graph), 0.5 * trace["output"])


@pytest.mark.parametrize("function", [lw.tanh, lw.exp, lw.relu, lw.softplus])
def test_what_may_leave_0_to_1_is_no_gate(function):
    @lw.cell
    def signed(x, h, c):
        f = function(lw.affine(x, h))
        c = f * c + lw.sigmoid(lw.affine(x, h)) * lw.tanh(lw.affine(x, h))
        h = lw.tanh(c)
        return h, c

    layer, trace = run(signed)
    assert set(gates(layer.cell.graph).parts.values()) == {None}
    assert kept(layer.cell, trace) is None


def test_the_slope_of_a_function_is_no_gate():
    @lw.cell
    def rectified(x, h):
        fresh = lw.affine(x)
        new = lw.relu(fresh)
        h = h + new + lw.softplus(fresh)
        return h

    assert set(gates(rectified.graph).parts.values()) == {None}


def test_a_gate_made_of_tanh_is_one():
    @lw.cell
    def halved(x, h):
        keep = (lw.tanh(lw.affine(x, h)) + 1) / 2
        h = keep * h + (1 - keep) * lw.tanh(lw.affine(x))
        return h

    assert tuple(said(gate) for gate in gates(halved.graph).parts.values()) == ("keep", "1 − keep", None)


def test_a_label_names_only_the_gates_in_the_share():
    """The gate a is computed from another, which is no part of what is kept."""

    @lw.cell
    def nested(x, h):
        inner = lw.sigmoid(lw.affine(x, h))
        a = lw.sigmoid(lw.affine(x) + inner)
        b = lw.sigmoid(lw.affine(x, h))
        h = a * b * h + (1 - a * b) * lw.tanh(lw.affine(x))
        return h

    found = gates(nested.graph)
    assert (found.keep.label, found.write.label) == ("a and b gate", "a and b gate")


@pytest.mark.parametrize("options", [{}, {"zoneout": 0.25}])
def test_a_memory_that_is_kept_whole_is_written_and_exposed_by_gates(options):
    @lw.cell
    def lstm1997(x, h, c):
        input = lw.sigmoid(lw.affine(x, h))
        candidate = lw.tanh(lw.affine(x, h))
        output = lw.sigmoid(lw.affine(x, h))
        c = c + input * candidate
        h = output * lw.tanh(c)
        return h, c

    layer, trace = run(lstm1997, **options)
    found = gates(layer.cell.graph)
    assert found.keep is None
    assert found.write.of == found.expose.of == "c"
    share = 1 - options.get("zoneout", 0)
    assert torch.allclose(found.write.shares(trace, found.graph), share * trace["input"])
    assert torch.allclose(found.expose.shares(trace, found.graph), share * trace["output"])


def test_bounds_are_those_of_sums_of_products():
    found = []

    @lw.cell
    def many(x, h):
        a, b, c = (lw.sigmoid(lw.affine(x)) for _ in range(3))
        t = lw.tanh(lw.affine(x))
        found.extend(
            [(a * b, 0, 1), (a + (1 - a) * b, 0, 1), (a * b + (1 - a) * c, 0, 1), (a + b, 0, 2), (1 - a * a, 0, 1)]
        )
        found.extend([(t * a, -1, 1), (lw.maximum(a, t), -1, 1), (a - b, -1, 1), (lw.exp(t), -torch.inf, torch.inf)])
        return a * h + b * c * t

    assert [bounds(value) for value, _, _ in found] == [(low, high) for _, low, high in found]
